# SPDX-License-Identifier: MIT
"""Exports of shop systems, each loaded with `salestide load FILE --data D` alone: the files are written here in the
layouts that docs/presets.md describes, and what they come to is added up from their cells with Python's decimal."""

import collections
import csv
import decimal
import io
import shlex
import subprocess
import time

import pytest

import harness

D = decimal.Decimal
SHOPIFY = ("Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,"
           "Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
           "Lineitem sku,Shipping Province,Notes,Cancelled at,Payment Method,Refunded Amount,Vendor,Id,Tags,Source,Lineitem discount")  # fmt: skip
SQUARESPACE = ("Order ID,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Shipping,Taxes,Amount Refunded,Total,"
               "Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Shipping Province,"
               "Cancelled at,Channel Name,Payment Method")  # fmt: skip
WOO = ('"Order Number","Order Status","Order Date","Payment Method Title","Cart Discount Amount","Order Subtotal Amount",'
       '"Order Shipping Amount","Order Refund Amount","Order Total Amount","Order Total Tax Amount",SKU,"Item #","Item Name",'
       '"Quantity (- Refund)","Item Cost","Coupon Code","Discount Amount"')  # fmt: skip
AMAZON = ("amazon-order-id\tmerchant-order-id\tpurchase-date\tlast-updated-date\torder-status\tfulfillment-channel\tsales-channel\torder-channel\t"
          "url\tship-service-level\tproduct-name\tsku\tasin\titem-status\tquantity\tcurrency\titem-price\titem-tax\tshipping-price\tshipping-tax\t"
          "gift-wrap-price\tgift-wrap-tax\titem-promotion-discount\tship-promotion-discount\tship-city\tship-state\tship-postal-code\tship-country\t"
          "promotion-ids")  # fmt: skip
INDIA = ("index,Order ID,Date,Status,Fulfilment,Sales Channel ,ship-service-level,Style,SKU,Category,Size,ASIN,Courier Status,Qty,currency,Amount,"
         "ship-city,ship-state,ship-postal-code,ship-country,promotion-ids,B2B,fulfilled-by,Unnamed: 22")  # fmt: skip
ETSY = ("Sale Date,Order ID,Buyer User ID,Full Name,Number of Items,Payment Method,Date Shipped,Ship City,Ship State,Ship Country,Currency,"
        "Order Value,Coupon Code,Coupon Details,Discount Amount,Shipping Discount,Shipping,Sales Tax,Order Total,Status,Card Processing Fees,"
        "Order Net,Adjusted Order Total,Buyer,SKU")  # fmt: skip
ETSY_ITEMS = ("Sale Date,Item Name,Buyer,Quantity,Price,Coupon Code,Coupon Details,Discount Amount,Shipping Discount,Order Shipping,"
              "Order Sales Tax,Item Total,Currency,Transaction ID,Listing ID,Date Paid,Date Shipped,Ship Name,Ship City,Ship State,Order ID,Variations")  # fmt: skip
EBAY = ('"Sales Record Number","Order Number","Buyer Username","Ship To State","Item Number","Item Title","Custom Label","Quantity","Sold For",'
        '"Shipping And Handling","Seller Collected Tax","eBay Collected Tax","Total Price","Payment Method","Sale Date"')  # fmt: skip
SQUARE = ("Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,"
          "Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,Customer Name,Unit,Count")  # fmt: skip
STRIPE = ("id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Fee,Status,Description,Customer ID,Customer Email")  # fmt: skip
PAYPAL = ('"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","From Email Address","To Email Address",'
          '"Transaction ID","Item Title","Reference Txn ID","Invoice Number","Quantity","Balance","Balance Impact"')  # fmt: skip
OLIST = "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value"
SUPERSTORE = ("Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Customer Name,Segment,Country,City,State,Postal Code,Region,"
              "Product ID,Category,Sub-Category,Product Name,Sales,Quantity,Discount,Profit")  # fmt: skip
NORTHWIND = ("ShipName,ShipCity,ShipCountry,CustomerID,CustomerName,Salesperson,OrderID,OrderDate,RequiredDate,ShippedDate,ShipperName,"
             "ProductID,ProductName,UnitPrice,Quantity,Discount,ExtendedPrice,Freight")  # fmt: skip
RETAIL = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
MAGENTO = ('ID,"Purchase Point","Purchase Date","Bill-to Name","Ship-to Name","Grand Total (Base)","Grand Total (Purchased)",Status,'
           '"Customer Email","Customer Group",Subtotal,"Shipping and Handling","Customer Name","Payment Method","Total Refunded"')  # fmt: skip
PRESTASHOP = 'ID;Reference;"New client";Delivery;Customer;Total;Payment;Status;Date'


def table(header, rows, delimiter=","):
    """A file of this layout: each row a dict of the columns that have a value."""
    names = next(csv.reader([header], delimiter=delimiter))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    for row in rows:
        assert set(row) <= set(names), set(row) - set(names)
        writer.writerow([row.get(name, "") for name in names])
    return header + "\r\n" + out.getvalue()


def run(tmp_path, text, *options, name="export.csv", data="data"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    done = harness.run("load", tmp_path / name, "--data", tmp_path / data, *options, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode()


def sums(tmp_path, data="data"):
    """By currency: net total, orders, units, what was refunded."""
    found = collections.defaultdict(lambda: [D(0), 0, 0, D(0)])
    for (_, _, currency), row in harness.stored_aggregates(tmp_path / data)["sales_totals"].items():
        sum_of = found[currency]
        sum_of[0] += D(row["total"]).scaleb(-4)
        sum_of[1] += row["orders"]
        sum_of[2] += row["units"]
        sum_of[3] += D(row["refunded_total"]).scaleb(-4)
    return dict(found)


def shopify():
    """One order of two lines, one refunded in part, one cancelled and refunded, one that was never paid."""
    at, first = "2026-04-06 01:48:03 +0200", {"Currency": "EUR", "Shipping": "4.90", "Taxes": "0.00", "Discount Amount": "0.00"}
    rows = [
        {**first, "Name": "#1", "Financial Status": "paid", "Subtotal": "25.00", "Total": "29.90", "Created at": at, "Lineitem quantity": 1,
         "Lineitem name": "Mug", "Lineitem price": "10.00", "Refunded Amount": "0.00"},
        {"Name": "#1", "Created at": at, "Lineitem quantity": 1, "Lineitem name": "Cup, large", "Lineitem price": "15.00"},
        {**first, "Name": "#2", "Financial Status": "partially_refunded", "Subtotal": "40.00", "Total": "44.90", "Created at": at,
         "Lineitem quantity": 2, "Lineitem name": "L" * 200, "Lineitem price": "20.00", "Refunded Amount": "15.00"},
        {**first, "Name": "#3", "Financial Status": "refunded", "Subtotal": "10.00", "Total": "14.90", "Created at": at, "Lineitem quantity": 1,
         "Lineitem name": "Mug", "Lineitem price": "10.00", "Refunded Amount": "14.90", "Cancelled at": "2026-04-07 10:00:00 +0200"},
        {**first, "Name": "#4", "Financial Status": "voided", "Total": "14.90", "Created at": at, "Lineitem quantity": 1,
         "Lineitem name": "Mug", "Lineitem price": "10.00", "Refunded Amount": "0.00"},
        {"Name": "#4", "Created at": at, "Lineitem quantity": 1, "Lineitem name": "Cup, large", "Lineitem price": "15.00"},
    ]  # fmt: skip
    net = D("29.90") + (D("44.90") - D("15.00")) + (D("14.90") - D("14.90"))
    return table(SHOPIFY, rows), {"EUR": [net, 2, 4, D("15.00")]}, 2


def squarespace():
    first = {"Currency": "USD", "Shipping": "5.00", "Taxes": "1.50", "Discount Amount": "1.00", "Created at": "2026-05-31 12:34:56 -0500"}
    rows = [
        {**first, "Order ID": "00001", "Financial Status": "PARTIALLY_REFUNDED", "Amount Refunded": "4.00", "Total": "25.50", "Lineitem quantity": 2,
         "Lineitem name": "Mug", "Lineitem price": "5.00", "Lineitem sku": "SQ1"},
        {"Order ID": "00001", "Lineitem quantity": 1, "Lineitem name": "Cup\nlarge", "Lineitem price": "10.00", "Lineitem sku": "SQ2"},
        {**first, "Order ID": "00002", "Financial Status": "PAID", "Amount Refunded": "0.00", "Total": "15.50", "Lineitem quantity": 1,
         "Lineitem name": "Cup", "Lineitem price": "10.00", "Lineitem sku": "SQ2", "Cancelled at": "2026-06-01 08:00:00 -0500"},
    ]  # fmt: skip
    return table(SQUARESPACE, rows), {"USD": [D("25.50") - D("4.00"), 1, 3, D("4.00")]}, 0


def woocommerce():
    rows = [
        {"Order Number": 11, "Order Status": "Completed", "Order Date": "2026-03-01 10:23", "Cart Discount Amount": "2.00",
         "Order Subtotal Amount": "24.00", "Order Shipping Amount": "5.00", "Order Refund Amount": "0", "Order Total Amount": "29.70",
         "Order Total Tax Amount": "2.70", "SKU": "A", "Item #": 1, "Item Name": "Album", "Quantity (- Refund)": 2, "Item Cost": "7.00"},
        {"Order Number": 11, "Order Status": "Completed", "Order Date": "2026-03-01 10:23", "Cart Discount Amount": "2.00",
         "Order Subtotal Amount": "24.00", "Order Shipping Amount": "5.00", "Order Refund Amount": "0", "Order Total Amount": "29.70",
         "Order Total Tax Amount": "2.70", "SKU": "B", "Item #": 2, "Item Name": "Cap", "Quantity (- Refund)": 1, "Item Cost": "10.00"},
        {"Order Number": 12, "Order Status": "Refunded", "Order Date": "2026-03-02 08:00", "Cart Discount Amount": "0",
         "Order Shipping Amount": "0", "Order Refund Amount": "10.00", "Order Total Amount": "10.00", "Order Total Tax Amount": "0",
         "Item Name": "Cap", "Quantity (- Refund)": 1, "Item Cost": "10.00"},
        {"Order Number": 13, "Order Status": "Cancelled", "Order Date": "2026-03-02 08:00", "Order Refund Amount": "0",
         "Order Total Amount": "10.00", "Item Name": "Cap", "Quantity (- Refund)": 1, "Item Cost": "10.00"},
    ]  # fmt: skip
    return table(WOO, rows), {"USD": [D("29.70") + D("10.00") - D("10.00"), 2, 3, D("10.00")]}, 1


def amazon():
    rows = [
        {"amazon-order-id": "028-1", "purchase-date": "2026-06-17T08:04:21+00:00", "order-status": "Shipped", "sales-channel": "Amazon.de",
         "sku": "A", "item-status": "Shipped", "quantity": 2, "currency": "EUR", "item-price": "89.90", "item-tax": "14.35",
         "shipping-price": "3.99", "item-promotion-discount": "5.00", "ship-promotion-discount": "3.99", "ship-state": "Hessen"},
        {"amazon-order-id": "028-1", "purchase-date": "2026-06-17T08:04:21+00:00", "order-status": "Shipped", "sales-channel": "Amazon.de",
         "sku": "B", "item-status": "Shipped", "quantity": 1, "currency": "EUR", "item-price": "10.00", "gift-wrap-price": "2.50",
         "ship-state": "Hessen"},
        {"amazon-order-id": "028-2", "purchase-date": "2026-06-17T09:04:21+00:00", "order-status": "Cancelled", "sales-channel": "Amazon.de",
         "sku": "B", "item-status": "Cancelled", "quantity": 0},
        {"amazon-order-id": "028-3", "purchase-date": "2026-06-17T10:04:21+00:00", "order-status": "Shipped", "sales-channel": "Amazon.de",
         "sku": "A", "item-status": "Cancelled", "quantity": 1, "currency": "EUR", "item-price": "44.95", "ship-state": "Bayern"},
        {"amazon-order-id": "028-3", "purchase-date": "2026-06-17T10:04:21+00:00", "order-status": "Shipped", "sales-channel": "Amazon.de",
         "sku": "B", "item-status": "Shipped", "quantity": 1, "currency": "EUR", "item-price": "10.00", "ship-state": "Bayern"},
    ]  # fmt: skip
    net = D("89.90") + D("3.99") - D("5.00") - D("3.99") + D("10.00") + D("2.50") + D("10.00")
    return table(AMAZON, rows, "\t"), {"EUR": [net, 2, 4, D(0)]}, 2


def amazon_india():
    rows = [
        {"index": 0, "Order ID": "405-1", "Date": "04-30-22", "Status": "Shipped", "Sales Channel ": "Amazon.in", "SKU": "SET389", "Qty": 1,
         "currency": "INR", "Amount": "647.62", "ship-state": "MAHARASHTRA"},
        {"index": 1, "Order ID": "405-1", "Date": "04-30-22", "Status": "Shipped", "Sales Channel ": "Amazon.in", "SKU": "J0341", "Qty": 2,
         "currency": "INR", "Amount": "406.0", "ship-state": "MAHARASHTRA"},
        {"index": 2, "Order ID": "405-2", "Date": "05-02-22", "Status": "Cancelled", "Sales Channel ": "Amazon.in", "SKU": "J0341", "Qty": 0},
        {"index": 3, "Order ID": "405-3", "Date": "05-02-22", "Status": "Shipped - Returned to Seller", "Sales Channel ": "Amazon.in",
         "SKU": "J0341", "Qty": 1, "currency": "INR", "Amount": "406.0"},
    ]  # fmt: skip
    return table(INDIA, rows), {"INR": [D("647.62") + D("406.0"), 1, 3, D(0)]}, 2


def etsy_orders():
    rows = [
        {"Sale Date": "07/16/26", "Order ID": 1, "Number of Items": 1, "Currency": "USD", "Order Value": "21.39", "Discount Amount": "2.14",
         "Shipping Discount": "0", "Shipping": "3.72", "Sales Tax": "0", "Order Total": "22.97", "Status": "Completed", "SKU": "N023"},
        {"Sale Date": "07/17/26", "Order ID": 2, "Number of Items": 3, "Currency": "USD", "Order Value": "$1,025.99", "Discount Amount": "$0.00",
         "Shipping Discount": "$3.86", "Shipping": "$3.86", "Sales Tax": "$0.00", "Order Total": "$1,025.99", "Status": "Completed"},
        {"Sale Date": "07/17/26", "Order ID": 3, "Number of Items": 1, "Currency": "USD", "Order Value": "9", "Order Total": "9",
         "Status": "Canceled"},
    ]  # fmt: skip
    return table(ETSY, rows), {"USD": [D("22.97") + D("1025.99"), 2, 4, D(0)]}, 1


def etsy_items():
    rows = [
        {"Sale Date": "08/14/26", "Item Name": "Fox, card", "Quantity": 2, "Price": "5.00", "Order Shipping": "4.50", "Order Sales Tax": "0.62",
         "Item Total": "10.00", "Currency": "USD", "Transaction ID": 4001, "Order ID": 3001, "Ship State": "TX"},
        {"Sale Date": "08/14/26", "Item Name": "Fox, sticker", "Quantity": 1, "Price": "3.00", "Order Shipping": "0.00", "Order Sales Tax": "0.00",
         "Item Total": "3.00", "Currency": "USD", "Transaction ID": 4002, "Order ID": 3001, "Ship State": "TX"},
        {"Sale Date": "09/02/26", "Item Name": "Bear, card", "Quantity": 1, "Price": "5.00", "Discount Amount": "0.50", "Order Shipping": "4.50",
         "Order Sales Tax": "0", "Item Total": "5.00", "Currency": "USD", "Transaction ID": 4003, "Order ID": 3002, "Ship State": "CO"},
    ]  # fmt: skip
    net = D("10.00") + D("3.00") + D("4.50") + D("0.62") + D("5.00") - D("0.50") + D("4.50")
    return table(ETSY_ITEMS, rows), {"USD": [net, 2, 4, D(0)]}, 0


def ebay():
    """The report begins with an empty line, has a row of empty cells, a summary above the items of an order, and a footer."""
    rows = [
        {},
        {"Sales Record Number": 101, "Order Number": "12-34567-1", "Item Number": "335", "Item Title": "Lamp, brass", "Quantity": 1,
         "Sold For": "$1,045.99", "Shipping And Handling": "$12.00", "Seller Collected Tax": "$0.00", "eBay Collected Tax": "$4.00",
         "Total Price": "$1,061.99", "Sale Date": "Jul-21-26"},
        {"Sales Record Number": 119, "Order Number": "12-34567-2", "Quantity": 3, "Sold For": "$38.00", "Shipping And Handling": "$2.00",
         "Total Price": "$40.00", "Sale Date": "Aug-25-26"},
        {"Sales Record Number": 119, "Order Number": "12-34567-2", "Item Number": "336", "Item Title": "Card", "Quantity": 1,
         "Sold For": "$18.00", "Shipping And Handling": "$1.00", "Sale Date": "Aug-25-26"},
        {"Sales Record Number": 119, "Order Number": "12-34567-2", "Item Number": "337", "Item Title": "Box", "Quantity": 2,
         "Sold For": "$10.00", "Shipping And Handling": "$1.00", "Sale Date": "Aug-25-26"},
    ]  # fmt: skip
    text = "\r\n" + table(EBAY, rows) + "\r\n2,record(s) downloaded,\r\nSeller ID : a-seller\r\n"
    net = D("1045.99") + D("12.00") + D("18.00") + 2 * D("10.00") + D("2.00")
    return text, {"USD": [net, 2, 4, D(0)]}, 3


def square_items():
    rows = [
        {"Date": "2026-07-18", "Time": "12:59:30", "Time Zone": "Eastern Time (US & Canada)", "Item": "Beer", "Qty": "1.0",
         "Gross Sales": "$8.00", "Discounts": "-$1.00", "Net Sales": "$7.00", "Tax": "$0.56", "Transaction ID": "A1", "Event Type": "Payment"},
        {"Date": "2026-07-18", "Time": "12:59:30", "Time Zone": "Eastern Time (US & Canada)", "Item": "Cola", "Qty": "2.0",
         "Gross Sales": "$6.00", "Discounts": "$0.00", "Net Sales": "$6.00", "Tax": "$0.48", "Transaction ID": "A1", "Event Type": "Payment"},
        {"Date": "2026-07-19", "Time": "09:00:00", "Time Zone": "Eastern Time (US & Canada)", "Item": "Beer", "Qty": "-1.0",
         "Gross Sales": "-$8.00", "Discounts": "$1.00", "Net Sales": "-$7.00", "Tax": "-$0.56", "Transaction ID": "R1", "Event Type": "Refund"},
    ]  # fmt: skip
    sold, back = D("7.00") + D("0.56") + D("6.00") + D("0.48"), D("7.00") + D("0.56")
    return table(SQUARE, rows), {"USD": [sold - back, 1, 2, back]}, 0


def stripe_payments():
    rows = [
        {"id": "ch_1", "Created date (UTC)": "2026-06-05 23:38:34", "Amount": "3,125.00", "Amount Refunded": "0.00", "Currency": "usd",
         "Status": "Paid"},
        {"id": "ch_2", "Created date (UTC)": "2026-06-06 08:00", "Amount": "1500", "Amount Refunded": "300.00", "Currency": "eur", "Status": "Paid"},
        {"id": "ch_3", "Created date (UTC)": "2026-06-06 08:00:00", "Amount": "20.00", "Amount Refunded": "20.00", "Currency": "eur",
         "Status": "Refunded"},
        {"id": "ch_4", "Created date (UTC)": "2026-06-06 08:00:00", "Amount": "99.00", "Amount Refunded": "0.00", "Currency": "eur",
         "Status": "Failed"},
        {"id": "ch_5", "Created date (UTC)": "2026-06-06 08:00:00", "Amount": "50.00", "Amount Refunded": "50.00", "Currency": "eur",
         "Captured": "FALSE", "Status": "Refunded"},  # an authorization that lapsed
    ]  # fmt: skip
    euro = [D("1500") + D("20.00") - D("300.00") - D("20.00"), 2, 1, D("320.00")]
    return table(STRIPE, rows), {"USD": [D("3125.00"), 1, 1, D(0)], "EUR": euro}, 2


def paypal():
    rows = [
        {"Date": "05/13/2026", "Time": "10:40:56", "TimeZone": "PDT", "Type": "Express Checkout Payment", "Status": "Completed", "Currency": "USD",
         "Gross": "1,057.00", "Fee": "-2.00", "Net": "1,055.00", "Transaction ID": "T1", "Item Title": "Mug"},
        {"Date": "05/14/2026", "Time": "11:00:00", "TimeZone": "PDT", "Type": "Payment Refund", "Status": "Completed", "Currency": "USD",
         "Gross": "-7.50", "Transaction ID": "T2", "Item Title": "Mug", "Reference Txn ID": "T1"},
        {"Date": "05/14/2026", "Time": "11:00:00", "TimeZone": "PDT", "Type": "General Withdrawal", "Status": "Completed", "Currency": "USD",
         "Gross": "-900.00", "Transaction ID": "T3"},
        {"Date": "05/14/2026", "Time": "11:00:00", "TimeZone": "PDT", "Type": "Express Checkout Payment", "Status": "Pending", "Currency": "USD",
         "Gross": "5.00", "Transaction ID": "T4"},
        {"Date": "05/14/2026", "Time": "11:00:00", "TimeZone": "PDT", "Type": "PreApproved Payment Bill User Payment", "Status": "Completed",
         "Currency": "USD", "Gross": "-40.00", "Transaction ID": "T5", "Reference Txn ID": "B-9AB12345CD678901E"},
    ]  # fmt: skip
    return "\ufeff" + table(PAYPAL, rows), {"USD": [D("1057.00") - D("7.50"), 1, 0, D("7.50")]}, 3


def olist():
    rows = [
        {"order_id": "00010242fe8c5a6d1ba2dd792cb16214", "order_item_id": 1, "product_id": "p1", "seller_id": "s1",
         "shipping_limit_date": "2017-09-19 09:45:35", "price": "58.90", "freight_value": "13.29"},
        {"order_id": "00143d0f86d6fbd9f9b38ab440ac16f5", "order_item_id": 1, "product_id": "p2", "seller_id": "s1",
         "shipping_limit_date": "2017-10-20 16:07:52", "price": "21.33", "freight_value": "15.10"},
        {"order_id": "00143d0f86d6fbd9f9b38ab440ac16f5", "order_item_id": 2, "product_id": "p2", "seller_id": "s1",
         "shipping_limit_date": "2017-10-20 16:07:52", "price": "21.33", "freight_value": "15.10"},
    ]  # fmt: skip
    return table(OLIST, rows), {"BRL": [D("58.90") + D("13.29") + 2 * (D("21.33") + D("15.10")), 2, 3, D(0)]}, 0


def superstore():
    rows = [
        {"Row ID": 1, "Order ID": "CA-1", "Order Date": "11/8/2016", "Product ID": "FUR-1", "Product Name": "Bookcase", "Sales": "261.96",
         "Quantity": 2, "Discount": "0.2", "Profit": "41.9136", "State": "Kentucky", "Customer ID": "CG-1"},
        {"Row ID": 2, "Order ID": "CA-1", "Order Date": "11/8/2016", "Product ID": "FUR-2", "Product Name": "Chair", "Sales": "731.94",
         "Quantity": 3, "Discount": "0.45", "Profit": "219.58", "State": "Kentucky", "Customer ID": "CG-1"},
        {"Row ID": 3, "Order ID": "CA-2", "Order Date": "6/12/2016", "Product ID": "OFF-1", "Product Name": "Labels", "Sales": "957.5775",
         "Quantity": 5, "Discount": "0.45", "Profit": "-383.031", "State": "Florida", "Customer ID": "SO-1"},
    ]  # fmt: skip
    return table(SUPERSTORE, rows), {"USD": [D("261.96") + D("731.94") + D("957.5775"), 2, 10, D(0)]}, 0


def northwind():
    rows = [
        {"CustomerID": "VINET", "OrderID": 10248, "OrderDate": "1996-07-04 00:00:00.000", "ProductID": 11, "ProductName": "Queso",
         "UnitPrice": "14.00", "Quantity": 12, "Discount": "0.0", "ExtendedPrice": "168.00", "Freight": "32.38"},
        {"CustomerID": "VINET", "OrderID": 10248, "OrderDate": "1996-07-04 00:00:00.000", "ProductID": 42, "ProductName": "Mee",
         "UnitPrice": "9.80", "Quantity": 10, "Discount": "0.15", "ExtendedPrice": "83.30", "Freight": "32.38"},
    ]  # fmt: skip
    return table(NORTHWIND, rows), {"USD": [D("168.00") + D("83.30") + D("32.38"), 1, 22, D(0)]}, 0


def online_retail():
    rows = [
        {"InvoiceNo": "536365", "StockCode": "85123A", "Quantity": 6, "InvoiceDate": "12/1/2010 8:26", "UnitPrice": "2.55", "CustomerID": "17850",
         "Country": "United Kingdom"},
        {"InvoiceNo": "536365", "StockCode": "71053", "Quantity": 6, "InvoiceDate": "12/1/2010 8:26", "UnitPrice": "3.39", "CustomerID": "17850",
         "Country": "United Kingdom"},
        {"InvoiceNo": "C536379", "StockCode": "85123A", "Quantity": -1, "InvoiceDate": "12/1/2010 9:41", "UnitPrice": "2.55",
         "CustomerID": "17850", "Country": "United Kingdom"},
    ]  # fmt: skip
    back = D("2.55")
    return table(RETAIL, rows), {"GBP": [6 * D("2.55") + 6 * D("3.39") - back, 1, 11, back]}, 0


def magento():
    rows = [
        {"ID": "000000001", "Purchase Point": "Main Website", "Purchase Date": "Feb 5, 2026 09:31:22 AM", "Grand Total (Base)": "36.3900",
         "Grand Total (Purchased)": "36.3900", "Status": "complete", "Subtotal": "31.39", "Shipping and Handling": "5.0000", "Total Refunded": "6.39"},
        {"ID": "000000002", "Purchase Point": "Main Website", "Purchase Date": "Feb 6, 2026 14:31:22 PM", "Grand Total (Base)": "$1,036.39",
         "Status": "processing", "Subtotal": "$1,031.39", "Shipping and Handling": "$5.00"},
        {"ID": "000000003", "Purchase Point": "Main Website", "Purchase Date": "2026-02-06 09:31:22", "Grand Total (Base)": "36.39",
         "Status": "canceled", "Subtotal": "31.39", "Shipping and Handling": "5.00"},
    ]  # fmt: skip
    return table(MAGENTO, rows), {"USD": [D("36.39") + D("1036.39") - D("6.39"), 2, 2, D("6.39")]}, 1


def prestashop():
    rows = [
        {"ID": 5, "Reference": "KHWLILZLL", "New client": 1, "Delivery": "United States", "Customer": "J. DOE", "Total": "$1,020.90",
         "Payment": "Bank wire", "Status": "Payment accepted", "Date": "2026-05-19 10:05:12"},
        {"ID": 4, "Reference": "FFATNOMMJ", "New client": 0, "Delivery": "United States", "Customer": "J. DOE", "Total": "$14.90",
         "Payment": "Bank wire", "Status": "Canceled", "Date": "2026-05-19 10:05:12"},
    ]  # fmt: skip
    return table(PRESTASHOP, rows, ";"), {"USD": [D("1020.90"), 1, 1, D(0)]}, 1


LAYOUTS = [shopify, squarespace, woocommerce, amazon, amazon_india, etsy_orders, etsy_items, ebay, square_items, stripe_payments, paypal, olist, superstore,
           northwind, online_retail, magento, prestashop]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_an_export_is_known_by_its_columns_and_comes_to_what_its_cells_add_up_to(tmp_path, layout):
    text, expected, left_out = layout()
    preset = layout.__name__.replace("_", "-")
    code, said = run(tmp_path, text)
    assert code == 0, said
    assert f"(--preset {preset})" in said and f"by --preset {preset}" in said, said
    assert sums(tmp_path) == expected, said
    assert ("rows left out" in said or "row left out" in said) == (left_out > 0), said
    assert left_out == 0 or f"{left_out} row" in said, said
    assert harness.run("verify", "--data", tmp_path / "data").returncode == 0
    again, said = run(tmp_path, text)  # what is made of a file is made the same again
    assert again == 0 and "0 accepted" in said, said
    assert sums(tmp_path) == expected


WOO_ROW = {"Order Number": 11, "Order Status": "Completed", "Order Date": "2026-03-01 10:23", "Cart Discount Amount": "0", "Order Shipping Amount": "5",
           "Order Refund Amount": "4", "Order Total Amount": "15", "Order Total Tax Amount": "0", "Item Name": "Cap", "Quantity (- Refund)": 1,
           "Item Cost": "10"}  # fmt: skip
SKYVERGE = ("order_id,order_number,date,status,shipping_total,tax_total,discount_total,order_total,refunded_total,order_currency,payment_method,customer_id,"
            "item_name,item_sku,item_quantity,item_total")  # fmt: skip
SKYVERGE_ROWS = [{"order_id": 7, "order_number": 7, "date": "2026-03-01 10:00:00", "status": status, "shipping_total": "5.00", "tax_total": "0.00",
                  "order_total": "35.00", "refunded_total": "5.00", "order_currency": "EUR", "item_name": name, "item_quantity": 1, "item_total": amount}
                 for status, name, amount in (("completed", "a", "10.00"), ("completed", "b", "20.00"))]  # fmt: skip
ANALYTICS = 'Date,"Order #",Status,Customer,"Customer type",Product(s),"Items sold",Coupon(s),"Net Sales"'
ANALYTICS_ROWS = [{"Date": "2026-03-01 10:00:00", "Order #": 1, "Status": "completed", "Items sold": 2, "Net Sales": "1,234.50"},
                  {"Date": "2026-03-02 10:00:00", "Order #": 1, "Status": "completed", "Items sold": -1, "Net Sales": "-34.50"}]  # fmt: skip
AMAZON_ORDERS = ("order-id\torder-item-id\tpurchase-date\tpayments-date\tsku\tproduct-name\tquantity-purchased\tcurrency\titem-price\titem-tax\t"
                 "shipping-price\tshipping-tax\tship-state")  # fmt: skip
AMAZON_ORDER = {"order-id": "1-1", "order-item-id": 5, "purchase-date": "2026-06-17T08:04:21-08:00", "sku": "A", "quantity-purchased": 2, "currency": "USD",
                "item-price": "20.00", "shipping-price": "3.00"}  # fmt: skip
# Nothing is quoted in the reports of Amazon.
AMAZON_QUOTES = AMAZON + "".join(
    "\n" + "\t".join({"amazon-order-id": str(n), "purchase-date": "2026-06-17T08:04:21+00:00", "product-name": name, "sku": name, "quantity": "1",
                      "currency": "EUR", "item-price": "10.00"}.get(column, "") for column in AMAZON.split("\t"))
    for n, name in enumerate(['5" cup', '"Best" cup', 'a "good" one', '"'"all"'"']))  # fmt: skip
EBAY_PARENT = [
    {"Sales Record Number": 119, "Order Number": "12-2", "Quantity": 3, "Sold For": "$38.00", "Shipping And Handling": "$5.00", "Total Price": "$43.00",
     "Sale Date": "Aug-25-26"},
    {"Sales Record Number": 119, "Order Number": "12-2", "Item Number": "336", "Item Title": "Card", "Quantity": 1, "Sold For": "$18.00",
     "Sale Date": "Aug-25-26"},
    {"Sales Record Number": 119, "Order Number": "12-2", "Item Number": "337", "Item Title": "Box", "Quantity": 2, "Sold For": "$10.00",
     "Shipping And Handling": "$0.00", "Sale Date": "Aug-25-26"},
]  # fmt: skip
EBAY_TEXT = "\r\n" + table(EBAY, EBAY_PARENT) + "\r\n1,record(s) downloaded\r\n"
EBAY_AU = EBAY_TEXT.replace("$", "AU $").replace("Shipping And", "Postage And").replace('"Ship To', '"Post To').replace("Aug-25-26", "25-Aug-26")
STRIPE_ROWS = [{"id": "ch_1", "Created date (UTC)": "2026-06-05 23:38", "Amount": "12.50", "Amount Refunded": "0.00", "Currency": "usd", "Status": "Paid"}]
SQUARE_ROW = {"Date": "2026-07-18", "Time": "12:59:30", "Item": "Beer", "Qty": "1", "Gross Sales": "$8.00", "Discounts": "($1.00)", "Tax": "$0.50",
              "Transaction ID": "A1"}  # fmt: skip
ITEMS = {"Sale Date": "08/14/26", "Quantity": 1, "Order Shipping": "4.50", "Order Sales Tax": "0.62", "Currency": "USD", "Order ID": 3001}
MAGENTO_1 = '"Order #","Purchased From (Store)","Purchased On","Bill to Name","Ship to Name","G.T. (Base)","G.T. (Purchased)",Status'
MAGENTO_ROW = {"ID": "1", "Purchase Point": "Main Website\n  Main Store", "Purchase Date": "2026-02-06 09:31:22", "Grand Total (Base)": "36.39",
               "Status": "closed", "Subtotal": "31.39", "Shipping and Handling": "5.00", "Total Refunded": "36.39"}  # fmt: skip
SUPERSTORE_ROW = {"Order ID": "CA-1", "Order Date": "11/8/2016", "Product ID": "FUR-1", "Sales": "$1,261.96", "Quantity": 2, "Discount": "0.2"}
PRESTASHOP_ROWS = [{"ID": n, "Reference": "KHWLILZLL", "Total": "€10.00", "Status": "Payment accepted", "Date": "2026-05-19 10:05:12"} for n in (4, 5)]
VARIATIONS = {
    "WooCommerce in British English": (table(WOO, [WOO_ROW]).replace("Order Shipping Amount", "Order Delivery Amount"), {"USD": "11"}),
    "WooCommerce with other columns": (table(WOO, [WOO_ROW]).replace("Quantity (- Refund)", "Quantity").replace('"Item Name"', "Name"), {"USD": "11"}),
    "WooCommerce, one row an item": (table(SKYVERGE, SKYVERGE_ROWS), {"EUR": "30"}),
    "WooCommerce Analytics with a refund": (table(ANALYTICS, ANALYTICS_ROWS), {"USD": "1200"}),
    "Amazon's order report": (table(AMAZON_ORDERS, [AMAZON_ORDER], "\t"), {"USD": "23"}),
    "Amazon with quotes in names": (AMAZON_QUOTES, {"EUR": "40"}),
    "eBay with the postage in the row that sums up": (EBAY_TEXT, {"USD": "43"}),
    "eBay in Australia": (EBAY_AU, {"AUD": "43"}, "--currency", "AUD"),
    "Etsy items whose shipping was discounted": (
        table(ETSY_ITEMS, [{**ITEMS, "Item Name": "a", "Item Total": "10", "Discount Amount": "1.00", "Shipping Discount": "4.50"},
                           {**ITEMS, "Item Name": "b", "Item Total": "3", "Order Shipping": "0.00"}]), {"USD": "12.62"}),
    "Stripe with tests among the payments": (
        table(STRIPE.replace("date ", "") + ",Mode", [{k.replace("date ", ""): v for k, v in row.items()} | {"Mode": mode}
                                                     for row, mode in ((STRIPE_ROWS[0], "Live"), (STRIPE_ROWS[0] | {"id": "ch_2"}, "Test"))]), {"USD": "12.50"}),
    "Square with a minus as accountants write it": (table(SQUARE, [SQUARE_ROW]), {"USD": "7.50"}),
    "Magento with a store of several lines": (table(MAGENTO, [MAGENTO_ROW]), {"USD": "0"}),
    "Magento 1": (table(MAGENTO_1, [{"Order #": "1001", "Purchased On": "Feb 5, 2026 9:31:22 PM", "G.T. (Base)": "$36.39", "Status": "Complete"}]), {"USD": "36.39"}),
    "Superstore with signs": (table(SUPERSTORE, [SUPERSTORE_ROW]).replace(",State,", ",State/Province,"), {"USD": "1261.96"}),
    "Northwind as a spreadsheet in the USA saves it": (
        table(NORTHWIND, [{"CustomerID": "V", "OrderID": 1, "OrderDate": "7/4/1996", "ProductName": "Q", "Quantity": 12, "ExtendedPrice": "$1,168.00",
                           "Freight": "$32.38"}]), {"USD": "1200.38"}),
    "Online Retail II": (RETAIL.replace("InvoiceNo", "Invoice").replace("UnitPrice", "Price").replace("CustomerID", "Customer ID")
                         + '\n1,A,,"1,000",2010-12-01 08:26:00,2.55,17850.0,UK\nA2,B,,1,2010-12-01 08:26:00,-50.00,,UK\n', {"GBP": "2500"}),
    "PrestaShop, two orders of one reference": (table(PRESTASHOP, PRESTASHOP_ROWS, ";"), {"EUR": "20"}, "--currency", "EUR"),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIATIONS)
def test_other_exports_of_a_system_are_known_too(tmp_path, name):
    text, expected, *options = VARIATIONS[name]
    code, said = run(tmp_path, text, *options)
    assert code == 0 and "(--preset " in said, said
    assert {currency: row[0] for currency, row in sums(tmp_path).items()} == {currency: D(net) for currency, net in expected.items()}, said


def test_dates_whose_day_and_month_are_the_other_way_round_load_nothing(tmp_path):
    text, _, _ = paypal()
    british = text.replace("05/13/2026", "01/05/2026").replace("05/14/2026", "14/05/2026")
    code, said = run(tmp_path, british)
    assert code == 2 and "'14/05/2026 11:00:00'" in said and "--date-format '%d/%m/%Y %H:%M:%S'" in said, said
    assert sums(tmp_path) == {}
    no_date = british + text.splitlines()[1].replace("T1", "T8").replace("05/13/2026", "pending") + "\n"
    code, said = run(tmp_path, no_date, data="pending")
    assert code == 2 and sums(tmp_path, "pending") == {}, said
    code, said = run(tmp_path, british, "--date-format", "%d/%m/%Y %H:%M:%S")
    assert code == 0 and sums(tmp_path) == paypal()[1], said
    mixed = british + text.splitlines()[1].replace("T1", "T9") + "\n"  # has both: neither can be meant
    code, said = run(tmp_path, mixed, data="mixed")
    assert code == 1 and "has not the form" in said, said


def test_what_a_preset_misses_is_told_with_the_option_that_says_it(tmp_path):
    text, expected, _ = shopify()
    changed = text.replace("Refunded Amount", "Amount given back", 1)
    code, said = run(tmp_path, changed)
    assert code == 2 and "--preset shopify --refund COLUMN" in said, said
    code, said = run(tmp_path, changed, "--preset", "shopify")
    assert code == 2 and "column 'Refunded Amount' of the preset shopify is missing" in said and "--refund COLUMN" in said, said
    code, said = run(tmp_path, changed, "--preset", "shopify", "--refund", "Amount given back")
    assert code == 0 and sums(tmp_path) == expected, said
    code, said = run(tmp_path, text.replace("Financial Status", "State of payment", 1), "--preset", "shopify", data="skip")
    assert code == 2 and "by which rows are left out" in said and "--preset show shopify" in said, said


def test_the_columns_are_found_in_a_pipe_that_comes_in_pieces(tmp_path):
    text, expected, _ = stripe_payments()
    head, _, rest = text.partition("\r\n")
    long_head = head + "," + ",".join(f"a column of metadata that is called {n:04d} (metadata)" for n in range(500))  # 22 KB
    wide = long_head + "\r\n" + "".join(row + "," * 500 + "\r\n" for row in rest.splitlines())
    command = [harness.binary(), "load", "-", "--format", "csv", "--data", tmp_path / "data"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=harness.clean_env()) as load:  # fmt: skip
        for piece in (wide[:20], wide[20:70], wide[70:20_000], wide[20_000:]):
            load.stdin.write(piece.encode())
            load.stdin.flush()
            time.sleep(0.3)  # a pipe is told to be quiet after 0.2 s
        said = load.communicate(timeout=60)[0].decode()
    assert load.returncode == 0 and "(--preset stripe-payments)" in said, said
    assert sums(tmp_path) == expected


def test_presets_that_cannot_be_written_are_a_failure():
    with open("/dev/full", "wb") as full:
        for asked in (["list"], ["show", "shopify"]):
            done = subprocess.run([harness.binary(), "load", "--preset", *asked], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False,
                                  env=harness.clean_env())  # fmt: skip
            assert done.returncode == 1 and b"standard output" in done.stderr, done


def test_all_presets_are_listed_and_shown_as_options_that_read_the_same_file(tmp_path):
    listed = harness.run("load", "--preset", "list")
    names = {line.split()[0] for line in listed.stdout.decode().splitlines()}
    assert listed.returncode == 0 and names == {layout.__name__.replace("_", "-") for layout in LAYOUTS}
    shown = harness.run("load", "--preset", "show", "online-retail").stdout.decode().splitlines()
    command = shlex.split(next(line for line in shown if line.startswith("salestide load FILE")))
    assert any(line.startswith("# other exports: order_id=Invoice, ") for line in shown), shown
    text, expected, _ = online_retail()
    code, said = run(tmp_path, text, *command[3:])
    assert code == 0 and "--preset" not in said, said
    assert sums(tmp_path) == expected
    for asked in (["--preset", "show"], ["--preset", "show", "nosuch"], ["--preset", "list", "x.csv"], ["--preset", "nosuch", tmp_path / "export.csv"]):
        done = harness.run("load", *asked)
        assert done.returncode == 2, done


def test_a_changed_header_is_told_and_nothing_is_loaded(tmp_path):
    text, _, _ = shopify()
    changed = text.replace("Lineitem price", "Lineitem amount", 1)
    code, said = run(tmp_path, changed)
    assert code == 2 and "looks like an export of Shopify orders" in said and "column 'Lineitem price' of the preset is missing" in said, said
    assert sums(tmp_path) == {}
    code, said = run(tmp_path, changed, "--preset", "shopify")
    assert code == 2 and "column 'Lineitem price' of the preset shopify is missing" in said, said
    assert sums(tmp_path) == {}
    code, said = run(tmp_path, changed, "--preset", "shopify", "--map", "unit_price=Lineitem amount")
    assert code == 0 and sums(tmp_path) == shopify()[1], said


def test_what_the_user_says_goes_before_the_preset(tmp_path):
    text, _, _ = prestashop()
    euro = text.replace("$1,020.90", '"1.020,90 €"').replace("$14.90", '"14,90 €"')
    code, said = run(tmp_path, euro, data="first")
    assert code == 1 and "rejected" in said, said  # not guessed
    code, said = run(tmp_path, euro, "--decimal", ",", "--thousands", ".", "--set", "currency=EUR")
    assert code == 0, said
    assert sums(tmp_path) == {"EUR": [D("1020.90"), 1, 1, D(0)]}


def test_times_of_a_file_may_be_in_another_zone_than_the_shops(tmp_path):
    text, _, _ = stripe_payments()
    code, said = run(tmp_path, text, "--timezone", "Asia/Tokyo")
    assert code == 0, said
    days = {key[0] for key in harness.stored_aggregates(tmp_path / "data")["sales_by_product"]}
    assert len(days) == 1, days  # 23:38 on the fifth and 08:00 on the sixth are one day in Tokyo
    plain = "order_id,created_at,product_id,quantity,total\n1,2026-06-05 23:38,a,1,5.00\n"
    code, said = run(tmp_path, plain, "--timezone", "Asia/Tokyo", "--times-in", "America/New_York", data="ny")
    assert code == 0, said
    (event,) = harness.stored_events(tmp_path / "ny")
    assert event[3] == 1780717080000, event  # 2026-06-06T03:38Z
    code, said = run(tmp_path, plain, "--times-in", "Mars/Base", data="mars")
    assert code == 2 and "--times-in" in said, said


# --- The options that presets are made of

HEADER = "order_id,created_at,product_id,quantity,total"


def test_rows_are_left_out_by_their_values_and_counted(tmp_path):
    text = HEADER + ",Status\n1,2026-05-01,a,1,1.00,ok\n2,2026-05-01,a,1,2.00, CANCELLED \n3,2026-05-01,a,1,4.00,\n4,2026-05-01,a,1,8.00,\"x,y\"\n"
    for rule, kept in (["Status=Cancelled"], 13), (["Status=cancelled,ok"], 12), (["Status="], 11), (["Status!=ok"], 1), \
            (["Status!=ok,"], 1), (['Status="x,y",ok'], 6), (["status=ok", "order_id=4"], 6):  # fmt: skip
        options = [word for value in rule for word in ("--skip", value)]
        code, said = run(tmp_path, text, *options, data="".join(c for c in str(rule) if c.isalnum()))
        assert code == 0, said
        assert sums(tmp_path, "".join(c for c in str(rule) if c.isalnum()))["USD"][0] == kept, (rule, said)
        assert "left out, as --skip says" in said, said
    for wrong in ("Status", "=x", "Nosuch=1"):
        code, said = run(tmp_path, text, "--skip", wrong, data="wrong")
        assert code == 2 and "--skip" in said, said
    assert run(tmp_path, '{"order_id":1}\n', "--skip", "a=b", name="x.ndjson", data="wrong")[0] == 2


def test_with_group_by_a_row_without_a_value_is_as_the_first_of_its_order(tmp_path):
    text = "order_id,created_at,product_id,quantity,subtotal,Status\n1,2026-05-01,a,1,1.00,void\n1,,b,1,2.00,\n2,2026-05-01,a,1,4.00,paid\n2,,b,1,8.00,\n"
    code, said = run(tmp_path, text, "--group-by", "order_id", "--skip", "Status=void")
    assert code == 0 and "2 rows left out" in said, said
    assert sums(tmp_path) == {"USD": [D(12), 1, 2, D(0)]}
    code, said = run(tmp_path, text, "--group-by", "order_id", "--skip", "product_id=b", data="lines")
    assert code == 0 and "2 rows left out" in said, said
    assert sums(tmp_path, "lines") == {"USD": [D(5), 2, 2, D(0)]}


def test_what_an_order_has_once_counts_where_its_row_is_left_out(tmp_path):
    head = "order_id,created_at,product_id,quantity,unit_price,shipping,discount,back\n"
    text = head + "1,2026-05-01,gift,1,50.00,4.90,1.00,2.00\n1,2026-05-01,mug,1,10.00,,,\n2,2026-05-01,mug,1,10.00,,,\n"
    options = ["--group-by", "order_id", "--map", "shipping=shipping,discount=discount", "--refund", "back"]
    code, said = run(tmp_path, text, *options, "--skip", "product_id=gift")
    assert code == 0 and "1 row left out" in said, said
    assert sums(tmp_path) == {"USD": [D("10.00") + D("4.90") - D("1.00") - D("2.00") + D("10.00"), 2, 2, D("2.00")]}
    two = text + "1,2026-05-01,gift,1,50.00,3.90,,\n"
    code, said = run(tmp_path, two, *options, "--skip", "product_id=gift", data="two")
    assert code == 1 and "export.csv:5: shipping: " in said and "'4.90'" in said and "'3.90'" in said, said
    code, said = run(tmp_path, text.replace("4.90", "some"), *options, "--skip", "product_id=gift", data="bad")
    assert code == 1 and sums(tmp_path, "bad")["USD"][1] == 1, said
    zero = text.replace("mug,1,10.00,,,\n2", "mug,1,10.00,0.00,,\n2")  # two meanings
    code, said = run(tmp_path, zero, *options, "--skip", "product_id=gift", data="zero")
    assert code == 1 and "shipping: " in said and "'4.90'" in said and "'0.00'" in said, said
    # What is added up line by line goes with its line, but for a row that is no line.
    per_line = [*options, "--per-line", "shipping"]
    code, said = run(tmp_path, text, *per_line, "--skip", "product_id=gift", data="lines")
    assert code == 0 and sums(tmp_path, "lines")["USD"][0] == D("10.00") - D("1.00") - D("2.00") + D("10.00"), said
    summed = head + "1,2026-05-01,,3,30.00,4.90,,\n1,2026-05-01,mug,1,10.00,0.00,,\n1,2026-05-01,cup,2,10.00,,,\n"
    code, said = run(tmp_path, summed, *per_line, "--skip", "product_id=", data="summed")
    assert code == 0 and sums(tmp_path, "summed")["USD"][0] == D("34.90"), said
    code, said = run(tmp_path, summed.replace(",0.00,,", ",1.00,,"), *per_line, "--skip", "product_id=", data="of lines")
    assert code == 0 and sums(tmp_path, "of lines")["USD"][0] == D("31.00"), said


def test_a_return_line_that_alone_has_an_amount_of_the_order_gives_it_back(tmp_path):
    text = "order_id,created_at,product_id,quantity,unit_price,shipping\n1,2026-05-01,a,2,10.00,\n1,2026-05-01,a,-1,10.00,4.90\n2,2026-05-01,a,2,10.00,4.90\n2,2026-05-01,a,-1,10.00,4.90\n"
    code, said = run(tmp_path, text, "--group-by", "order_id", "--map", "shipping=shipping", "--returns")
    assert code == 0, said
    assert sums(tmp_path) == {"USD": [D("20.00") - D("14.90") + D("24.90") - D("10.00"), 2, 2, D("24.90")]}


def test_a_refund_column_makes_refunds_once_and_a_changed_one_is_a_conflict(tmp_path):
    text = HEADER + ",back\n1,2026-05-01,a,2,10.00,10.00\n2,2026-05-01,b,2,10.00,-2.50\n3,2026-05-01,c,2,10.00,0\n4,2026-05-01,c,2,10.00,\n"
    code, said = run(tmp_path, text, "--refund", "back")
    assert code == 0 and "6 accepted" in said and "rejected in" in said, said
    assert sums(tmp_path) == {"USD": [D("27.50"), 4, 6, D("12.50")]}
    assert run(tmp_path, text, "--refund", "back")[0] == 0
    assert sums(tmp_path) == {"USD": [D("27.50"), 4, 6, D("12.50")]}
    code, said = run(tmp_path, text.replace("-2.50", "5.00"), "--refund", "back")
    assert code == 1 and "conflict" in said, said
    code, said = run(tmp_path, text.replace("-2.50", "some"), "--refund", "back", data="bad")
    assert code == 1 and "x" not in sums(tmp_path, "bad") and "--refund must hold an amount" in said, said
    assert sums(tmp_path, "bad")["USD"][1] == 3  # the order whose refund cannot be read is not counted either
    assert run(tmp_path, text, "--refund", "nosuch", data="none")[0] == 2


def test_a_cancelled_order_is_taken_back_once_whatever_was_refunded(tmp_path):
    text = HEADER + ",back,gone\n1,2026-05-01,a,2,10.00,10.00,2026-05-03 10:00\n2,2026-05-01,b,2,10.00,,2026-05-03\n3,2026-05-01,b,1,5.00,,\n"
    code, said = run(tmp_path, text, "--refund", "back", "--cancelled", "gone")
    assert code == 0, said
    assert sums(tmp_path) == {"USD": [D("5.00"), 1, 1, D(0)]}
    code, said = run(tmp_path, text.replace("2026-05-03 10:00", "yes"), "--cancelled", "gone", data="bad")
    assert code == 1 and "--cancelled must hold a time" in said, said


def test_columns_that_say_what_came_back_are_told_when_map_passes_them_over(tmp_path):
    text, _, _ = shopify()
    mapped = ("order_id=Name,created_at=Created at,product_id=Lineitem name,quantity=Lineitem quantity,unit_price=Lineitem price,total=Total,"
              "discount=Discount Amount,shipping=Shipping,tax=Taxes,currency=Currency")  # fmt: skip
    options = ["--group-by", "order_id", "--map", mapped]
    code, said = run(tmp_path, text, *options)
    assert "counts as sold: --preset shopify reads that too" in said, said
    _, said = run(tmp_path, text, *options, "--refund", "Refunded Amount", data="asked")
    assert "counts as sold" not in said, said


def test_a_payment_below_zero_that_names_no_other_is_rejected(tmp_path):
    text, expected, _ = paypal()
    row = text.splitlines()[1].replace("T1", "T9").replace('"1,057.00"', "-20.00")
    code, said = run(tmp_path, text + row + "\n")
    assert code == 1 and "does not name the order that it is of" in said, said
    assert sums(tmp_path) == expected


def test_a_value_that_a_preset_sets_is_told_as_that(tmp_path):
    text, _, _ = paypal()
    _, said = run(tmp_path, text)
    assert "quantity = 1" in said and "quantity ←" not in said, said


def test_the_nearest_preset_is_not_lost_over_a_sign_in_a_columns_name(tmp_path):
    text, _, _ = shopify()
    head, _, rest = text.partition("\n")
    changed = head.replace("Lineitem price", "Lineitem cost") + ",meta;a\n" + rest
    code, said = run(tmp_path, changed)
    assert code == 2 and "column 'Lineitem price' of the preset is missing" in said, said


def test_lines_below_zero_become_refunds_only_when_asked_for(tmp_path):
    text = ("order_id,created_at,product_id,quantity,unit_price,discount,ref\n1,2026-05-01,a,3,10.00,1.00,\n1,2026-05-01,b,-1,4.00,,\n"
            "9,2026-05-02,a,-1,10.00,,1\n5,2026-05-02,a,0,-0.00,,\n")  # fmt: skip
    options = ["--group-by", "order_id", "--map", "discount=discount"]
    code, said = run(tmp_path, text, *options, data="refused")
    assert code == 1 and "2 rejected" in said, said
    code, said = run(tmp_path, text, *options, "--returns", "--original", "ref")
    assert code == 0 and "4 accepted" in said, said
    assert sums(tmp_path) == {"USD": [D("29.00") - D("4.00") - D("10.00"), 2, 1, D("14.00")]}
    one = harness.run("verify", "--data", tmp_path / "data")
    assert one.returncode == 0, one
    code, said = run(tmp_path, text, *options, "--returns", "--original", "ref")
    assert code == 0 and "0 accepted, 4 duplicate" in said, said
    code, said = run(tmp_path, text.replace("b,-1", "b,-x"), *options, "--returns", "--original", "ref", data="half")
    assert code == 1, said
    assert sums(tmp_path, "half")["USD"][1] == 1  # neither the order nor its return
    single = HEADER + "\n7,2026-05-01,a,1,5.00\n7,2026-05-02,a,-1,-5.00\n7,2026-05-03,a,-1,-5.00\n"
    code, said = run(tmp_path, single, "--returns", data="single")
    assert code == 0 and "3 accepted" in said, said  # two returns of one order are two


def test_amounts_and_times_may_stand_in_several_columns(tmp_path):
    text = "order_id,day,hour,product_id,quantity,price,t1,t2,t3\n1,2026-05-01,10:00,a,1,10.00,0.10,0.20,\n2,2026-05-01,,a,1,10.00,,,\n"
    options = ["--map", "created_at=day+hour,subtotal=price,tax=t1+t2+t3,total=price+t1+t2"]
    code, said = run(tmp_path, text, *options)
    assert code == 0 and "tax ← t1 + t2 + t3" in said and "created_at ← day + hour" in said, said
    assert sums(tmp_path)["USD"][0] == D("20.30")
    code, said = run(tmp_path, text.replace("0.20", "x"), *options, data="bad")
    assert code == 1 and "1 rejected" in said, said
    assert run(tmp_path, text, "--map", "created_at=day+nosuch,subtotal=price", data="none")[0] == 2


def test_rows_that_say_nothing_are_no_events_and_short_ones_are_left_out_when_asked_for(tmp_path):
    text = f",,,,\n{HEADER}\n1,2026-05-01,a,1,5.00\n,,,,\n\"\",\"\",\"\",\"\",\"\"\n"
    code, said = run(tmp_path, text)
    assert code == 0 and "1 accepted, 0 duplicate, 0 rejected" in said, said
    code, said = run(tmp_path, text + "2 records\n", data="short")
    assert code == 1, said
    code, said = run(tmp_path, text + "2 records\n", "--skip-short", data="skipped")
    assert code == 0 and "1 row left out" in said, said
    wide = HEADER + "," + ",".join(f"c{k}" for k in range(20))  # a row that was cut off is none
    code, said = run(tmp_path, f"{wide}\n1,2026-05-01,a,1,5.00{',' * 20}\n2,2026-05-01,a,1,5.00\n3,,,,\n", "--skip-short", data="cut")
    assert code == 1 and "1 row left out" in said and "export.csv:3: " in said, said


def test_a_preset_goes_to_a_server_too(tmp_path, server):
    text, expected, _ = stripe_payments()
    (tmp_path / "x.csv").write_text(text)
    one = server()
    done = harness.run("load", tmp_path / "x.csv", "--to", one.url, timeout=60)
    assert done.returncode == 0, done
    rows = one.get("/v1/sales").json()["rows"]
    assert {row["currency"]: D(row["total"]) for row in rows} == {currency: row[0] for currency, row in expected.items()}
