// SPDX-License-Identifier: MIT
// The table of presets. What each layout is known from, and what its amounts mean: docs/presets.md.
//
// An option's value is as it is typed. In a map, a field with ? before it may have no column, a
// time or amount may stand in several (A+B), a column may have another name in other exports (A|B),
// and names have no comma. A skip with ? before it is for exports that have its column.
#include "format/csv_presets.h"

#define NUMBERS                                                                                    \
    {"decimal", "."}, {                                                                            \
        "thousands", ","                                                                           \
    }
#define US_DATES                                                                                   \
    {"date-format", "%m/%d/%Y"}, {                                                                 \
        "date-format", "%m/%d/%y"                                                                  \
    }
#define ISO_TIMES                                                                                  \
    {"date-format", "%Y-%m-%d %H:%M:%S"}, {                                                        \
        "date-format", "%Y-%m-%d %H:%M"                                                            \
    }
// Of files without lines.
#define NO_LINES                                                                                   \
    {"set", "product_id=(unknown)"}, {                                                             \
        "set", "quantity=1"                                                                        \
    }

const struct csv_preset csv_presets[] = {
    {.name = "shopify",
     .what = "Shopify orders",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=Name,created_at=Created at,product_id=Lineitem name,"
                         "quantity=Lineitem quantity,unit_price=Lineitem price,"
                         "discount=Discount Amount,shipping=Shipping,tax=Taxes,total=Total,"
                         "currency=Currency,?state=Shipping Province,?source=Source"},
                 {"refund", "Refunded Amount"},
                 {"cancelled", "Cancelled at"},
                 {"skip", "Financial Status=voided,expired"}}},
    {.name = "squarespace",
     .what = "Squarespace orders",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=Order ID,created_at=Created at,product_id=Lineitem name,"
                         "quantity=Lineitem quantity,unit_price=Lineitem price,"
                         "discount=Discount Amount,shipping=Shipping,tax=Taxes,total=Total,"
                         "currency=Currency,?state=Shipping Province,?source=Channel Name"},
                 {"refund", "Amount Refunded"},
                 {"cancelled", "Cancelled at"}},
     .marks = "Financial Status|Lineitem sku"},
    {.name = "woocommerce",
     .what = "WooCommerce orders (Advanced Order Export)",
     .note = "quantities are without what came back: products have it taken off twice, totals "
             "have not",
     .options = {{"group-by", "order_id"},
                 {"map",
                  "order_id=Order Number,created_at=Order Date,product_id=Item Name|Name|SKU,"
                  "quantity=Quantity (- Refund)|Quantity,unit_price=Item Cost,"
                  "?discount=Cart Discount Amount,"
                  "?shipping=Order Shipping Amount|Order Delivery Amount,"
                  "?tax=Order Total Tax Amount,total=Order Total Amount,"
                  "?currency=Currency|Order Currency,"
                  "?state=State Code (Shipping)|State Code (Delivery)"},
                 {"refund", "Order Refund Amount"},
                 {"skip", "Order Status=cancelled,failed,pending payment,pending,draft,trash,"
                          "wc-cancelled,wc-failed,wc-pending,checkout-draft"}}},
    {.name = "woocommerce",
     .what = "WooCommerce orders (Order Export)",
     .note = "its lines stand in columns of their own, which are not read",
     .options = {NO_LINES,
                 {"map", "order_id=order_number,created_at=order_date,?subtotal=order_subtotal,"
                         "?discount=discount_total,?shipping=shipping_total,?tax=tax_total,"
                         "total=order_total,currency=order_currency,?customer_id=customer_id,"
                         "?state=shipping_state"},
                 {"skip", "status=cancelled,failed,pending,draft,trash,checkout-draft,"
                          "wc-cancelled,wc-failed,wc-pending"}},
     .marks = "order_id|payment_method"},
    {.name = "woocommerce",
     .what = "WooCommerce orders (Customer/Order/Coupon Export)",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=order_id,created_at=date|order_date,product_id=item_name,"
                         "quantity=item_quantity,subtotal=item_total,shipping=shipping_total,"
                         "tax=tax_total,total=order_total,currency=order_currency|currency,"
                         "?customer_id=customer_id,?state=shipping_state"},
                 {"refund", "refunded_total"},
                 {"skip", "status=cancelled,failed,pending,draft,trash,checkout-draft,"
                          "wc-cancelled,wc-failed,wc-pending"}},
     .marks = "payment_method"},
    {.name = "woocommerce",
     .what = "WooCommerce orders (Analytics)",
     .note = "net sales: without tax and shipping",
     .options = {{"set", "product_id=(unknown)"},
                 {"returns", NULL},
                 {"map", "order_id=Order #,created_at=Date,quantity=Items sold,total=Net Sales,"
                         "subtotal=Net Sales"},
                 NUMBERS,
                 {"skip", "Status=cancelled,failed,pending,pending payment,draft,checkout-draft"}},
     .marks = "Product(s)|Coupon(s)"},
    {.name = "amazon",
     .what = "Amazon orders (All Orders)",
     .note = "without tax: in Europe it is in the prices, elsewhere Amazon keeps it",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=amazon-order-id,created_at=purchase-date,product_id=sku,"
                         "quantity=quantity,subtotal=item-price,"
                         "shipping=shipping-price+gift-wrap-price,"
                         "discount=item-promotion-discount+ship-promotion-discount,"
                         "currency=currency,source=sales-channel,state=ship-state"},
                 {"per-line", "shipping,discount"},
                 {"skip", "order-status=Cancelled,Pending"},
                 {"skip", "item-status=Cancelled"},
                 {"skip", "sales-channel=Non-Amazon,Non-Amazon US,Non-Amazon UK"}}},
    {.name = "amazon",
     .what = "Amazon orders (Order report)",
     .note = "without tax: in Europe it is in the prices, elsewhere Amazon keeps it; what was "
             "cancelled later is not in this file",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=order-id,created_at=purchase-date,product_id=sku,"
                         "quantity=quantity-purchased,subtotal=item-price,"
                         "shipping=shipping-price,"
                         "?discount=item-promotion-discount+ship-promotion-discount,"
                         "currency=currency,?source=sales-channel,state=ship-state"},
                 {"per-line", "shipping,discount"}},
     .marks = "order-item-id|payments-date"},
    {.name = "amazon-india",
     .what = "an Amazon sale report of India",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=Order ID,created_at=Date,product_id=SKU,quantity=Qty,"
                         "subtotal=Amount,currency=currency,source=Sales Channel,"
                         "state=ship-state"},
                 {"date-format", "%m-%d-%y"},
                 {"date-format", "%m-%d-%Y"},
                 NUMBERS,
                 {"skip", "Status=Cancelled,Shipped - Returned to Seller,"
                          "Shipped - Returning to Seller,Shipped - Rejected by Buyer"}},
     .marks = "Fulfilment|Courier Status"},
    {.name = "etsy-orders",
     .what = "Etsy orders",
     .note = "what was refunded later is not in this file",
     .options = {{"map", "order_id=Order ID,created_at=Sale Date,?product_id=SKU,"
                         "quantity=Number of Items,subtotal=Order Value,"
                         "?discount=Discount Amount+Shipping Discount|Discount Amount,"
                         "shipping=Shipping,tax=Sales Tax,total=Order "
                         "Total,currency=Currency,?state=Ship State"},
                 US_DATES,
                 {"date-format", "%Y-%m-%d"},
                 NUMBERS,
                 {"skip", "Status=canceled,cancelled"}}},
    {.name = "etsy-items",
     .what = "Etsy order items",
     .note = "shipping and tax are the order's, once",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=Order ID,created_at=Sale Date,product_id=Item Name,"
                         "quantity=Quantity,subtotal=Item Total,"
                         "?discount=Discount Amount+Shipping Discount|Discount Amount,"
                         "shipping=Order Shipping,tax=Order Sales Tax,currency=Currency,"
                         "?state=Ship State"},
                 {"per-line", "discount"},
                 US_DATES,
                 {"date-format", "%Y-%m-%d"},
                 NUMBERS}},
    {.name = "ebay",
     .what = "eBay orders",
     .note = "without the tax that eBay collects",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=Order Number,created_at=Sale Date,product_id=Item Title,"
                         "quantity=Quantity,unit_price=Sold For,"
                         "shipping=Shipping And Handling|Postage And Packaging|"
                         "Postage And Handling,?tax=Seller Collected Tax,"
                         "?state=Ship To State|Post To State|Post To County"},
                 {"per-line", "shipping,tax"},
                 {"date-format", "%b-%d-%y"},
                 {"date-format", "%b-%d-%Y"},
                 {"date-format", "%d-%b-%y"},
                 NUMBERS,
                 {"skip", "Item Number="},
                 {"skip-short", NULL}},
     .marks = "Sales Record Number"},
    {.name = "square-items",
     .what = "Square items",
     .note = "times are those of the shop (--timezone)",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=Transaction ID,created_at=Date+Time,product_id=Item,"
                         "quantity=Qty,subtotal=Gross Sales,discount=Discounts,tax=Tax,"
                         "?customer_id=Customer ID,?source=Location"},
                 {"per-line", "discount,tax"},
                 {"returns", NULL},
                 ISO_TIMES,
                 {"date-format", "%m/%d/%y %H:%M:%S"},
                 {"date-format", "%m/%d/%Y %H:%M:%S"},
                 NUMBERS},
     .marks = "Net Sales|Price Point Name"},
    {.name = "stripe-payments",
     .what = "Stripe payments",
     .options =
         {NO_LINES,
          {"map",
           "order_id=id,created_at=Created date (UTC)|Created (UTC),total=Amount,subtotal=Amount,"
           "currency=Currency,?customer_id=Customer ID"},
          {"refund", "Amount Refunded"},
          {"times-in", "UTC"},
          NUMBERS,
          {"skip", "Status!=Paid,Refunded,Partial Refund,Partially Refunded,Succeeded,"
                   "Disputed"},
          {"skip", "?Mode=Test"},
          {"skip", "?Captured=false"}}},
    {.name = "paypal",
     .what = "PayPal activity",
     .note = "dates are read as month/day/year and numbers as 1,234.56, in the shop's zone: "
             "--date-format, --decimal, --timezone where the account is elsewhere",
     .options =
         {{"set", "quantity=1"},
          {"map", "order_id=Transaction ID,created_at=Date+Time,?product_id=Item Title,"
                  "total=Gross,subtotal=Gross,currency=Currency"},
          {"returns", NULL},
          {"original", "Reference Txn ID"},
          {"date-format", "%m/%d/%Y %H:%M:%S"},
          {"date-format", "%m/%d/%y %H:%M:%S"},
          NUMBERS,
          {"skip", "Status!=Completed,Refunded,Partially Refunded,Reversed"},
          {"skip",
           "Type!=Express Checkout Payment,Website Payment,General Payment,"
           "Mobile Payment,Payment,Donation Payment,Subscription Payment,"
           "Recurring Payment,eBay Auction Payment,Invoice Payment,"
           "Virtual Terminal Payment,Direct Payment,Direct Credit Card Payment,"
           "Third-Party Auction Payment,PayPal Here Payment,Payment Refund,Payment Reversal,Refund,"
           "Reversal,Chargeback"}},
     .marks = "Fee|Net"},
    {.name = "olist",
     .what = "a join of Olist's tables",
     .note = "a row for each payment of an order counts its items again: join items with orders "
             "alone",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=order_id,created_at=order_purchase_timestamp,"
                         "product_id=product_id,subtotal=price,shipping=freight_value,"
                         "?customer_id=customer_unique_id,?state=customer_state"},
                 {"set", "quantity=1"},
                 {"set", "currency=BRL"},
                 {"per-line", "shipping"}},
     .marks = "order_item_id|seller_id"},
    {.name = "olist",
     .what = "Olist's order items",
     .note = "the only times in this file are those by which the seller has to ship",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=order_id,created_at=shipping_limit_date,product_id=product_id,"
                         "subtotal=price,shipping=freight_value"},
                 {"set", "quantity=1"},
                 {"set", "currency=BRL"},
                 {"per-line", "shipping"}},
     .marks = "order_item_id|seller_id"},
    {.name = "superstore",
     .what = "the Superstore sample",
     .note = "Sales is what was paid; Discount is a rate and in it already",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=Order ID,created_at=Order Date,product_id=Product ID,"
                         "quantity=Quantity,subtotal=Sales,?customer_id=Customer ID,"
                         "?state=State|State/Province"},
                 US_DATES,
                 {"date-format", "%Y-%m-%d"},
                 NUMBERS},
     .marks = "Discount|Profit|Segment|Sub-Category"},
    {.name = "northwind",
     .what = "Northwind's invoices",
     .note = "ExtendedPrice is after Discount, which is a rate",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=OrderID,created_at=OrderDate,product_id=ProductName,"
                         "quantity=Quantity,subtotal=ExtendedPrice,shipping=Freight,"
                         "customer_id=CustomerID"},
                 ISO_TIMES,
                 {"date-format", "%Y-%m-%d"},
                 US_DATES,
                 NUMBERS},
     .marks = "Discount|UnitPrice"},
    {.name = "online-retail",
     .what = "the Online Retail data set",
     .options = {{"group-by", "order_id"},
                 {"map", "order_id=InvoiceNo|Invoice,created_at=InvoiceDate,product_id=StockCode,"
                         "quantity=Quantity,unit_price=UnitPrice|Price,"
                         "?customer_id=CustomerID|Customer ID"},
                 {"set", "currency=GBP"},
                 {"returns", NULL},
                 {"date-format", "%m/%d/%Y %H:%M"},
                 {"date-format", "%m/%d/%y %H:%M"},
                 ISO_TIMES,
                 NUMBERS},
     .marks = "Country"},
    {.name = "magento",
     .what = "Magento orders",
     .note = "amounts in the shop's base currency, times in the shop's zone",
     .options = {NO_LINES,
                 {"map", "order_id=ID,created_at=Purchase Date,subtotal=Subtotal,"
                         "shipping=Shipping and Handling,total=Grand Total (Base),"
                         "source=Purchase Point"},
                 {"refund", "Total Refunded"},
                 {"date-format", "%b %d, %Y %H:%M:%S %p"},
                 {"date-format", "%b %d, %Y, %H:%M:%S %p"},
                 ISO_TIMES,
                 NUMBERS,
                 {"skip", "Status=canceled"}}},
    {.name = "magento",
     .what = "Magento 1 orders",
     .note = "amounts in the shop's base currency, times in the shop's zone; what was refunded is "
             "not in this file",
     .options = {NO_LINES,
                 {"map", "order_id=Order #,created_at=Purchased On,total=G.T. (Base),"
                         "subtotal=G.T. (Base),?source=Purchased From (Store)"},
                 {"date-format", "%b %d, %Y %I:%M:%S %p"},
                 ISO_TIMES,
                 NUMBERS,
                 {"skip", "Status=canceled"}},
     .marks = "Bill to Name|G.T. (Purchased)"},
    {.name = "prestashop",
     .what = "PrestaShop orders",
     .note = "totals are read as 1,234.56 (--decimal , where the shop writes 1.234,56); what was "
             "refunded in part is not in this file",
     .options = {NO_LINES,
                 {"map", "order_id=ID,created_at=Date,total=Total,subtotal=Total"},
                 ISO_TIMES,
                 {"date-format", "%m/%d/%Y %H:%M:%S"},
                 NUMBERS,
                 {"skip", "Status=Canceled,Cancelled,Refunded,Payment error"}},
     .marks = "Reference|New client|Customer|Payment"},
};
const size_t csv_presets_count = sizeof csv_presets / sizeof csv_presets[0];
