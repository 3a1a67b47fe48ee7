-- SPDX-License-Identifier: MIT
-- POST of one order as Shopify posts it, another one each time, signed: HMAC and base64 by OpenSSL.
-- wrk ... -- FIRST_ID CREATED_AT PATH SECRET BODY_BYTES
-- The members that count are those of one_order.lua; the rest, up to BODY_BYTES, is one that does
-- not, as most of what a shop sends.
require "report"
local ffi = require "ffi"
ffi.cdef [[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const void *key, int key_len, const char *data, size_t n,
                    unsigned char *out, unsigned int *out_len);
int EVP_EncodeBlock(unsigned char *out, const unsigned char *from, int n);
]]
local crypto = ffi.load("libcrypto.so.3")
local mac, text = ffi.new("unsigned char[64]"), ffi.new("unsigned char[64]")
local sha256, open, secret, head, tails, id = nil, '{"id":', "", "", {}, 0

local function tail(created_at, i, body_bytes)
    local sources = {"GOOGLE", "FACEBOOK", "ORGANIC", "TWITTER"}
    local states = {"CA", "TX", "NY", "FL", "IL", "WA", "OH"}
    local cents, quantity = 1000 + i * 37 % 9000, 1 + i % 3
    local total = cents * quantity + 799
    local start = string.format(
        ',"name":"#%d","test":false,"created_at":"%s","cancelled_at":null,"currency":"USD",' ..
        '"total_line_items_price":"%d.%02d","total_discounts":"0.00","total_tax":"3.00",' ..
        '"total_price":"%d.%02d","total_shipping_price_set":{"shop_money":{"amount":"4.99",' ..
        '"currency_code":"USD"}},"source_name":"%s","shipping_address":{"province_code":"%s"},' ..
        '"line_items":[{"id":1,"sku":"%d","title":"Thing","quantity":%d,"price":"%d.%02d"}],' ..
        '"refunds":[]',
        i, created_at, math.floor(cents * quantity / 100), cents * quantity % 100,
        math.floor(total / 100), total % 100, sources[1 + i % #sources], states[1 + i % #states],
        100 + i % 200, quantity, math.floor(cents / 100), cents % 100)
    local note = body_bytes - #open - 13 - #start - #',"note":""}'
    return note > 0 and start .. ',"note":"' .. ("x"):rep(note) .. '"}' or start .. "}"
end

function init(args)
    id = 1000000000000 + tonumber(args[1])
    secret, sha256 = args[4], crypto.EVP_sha256()
    for i = 0, 999 do
        tails[i] = tail(args[2], i, tonumber(args[5]))
    end
    head = string.format(
        "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n" ..
        "X-Shopify-Topic: orders/create\r\nX-Shopify-Hmac-Sha256: ", args[3], wrk.headers["Host"])
end

function request()
    id = id + 1
    local body = open .. id .. tails[id % 1000]
    crypto.HMAC(sha256, secret, #secret, body, #body, mac, nil)
    local n = crypto.EVP_EncodeBlock(text, mac, 32)
    return head .. ffi.string(text, n) .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
