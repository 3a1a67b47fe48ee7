-- SPDX-License-Identifier: MIT
-- POST of one order, another one each time, increasing ids. wrk ... -- FIRST_ID CREATED_AT
-- Kept cheap, since it runs on the cores that it measures: what stands before and after the id is
-- made once, in 1,000 variants.
require "report"
local heads, tails, id = {}, {}, 0

function init(args)
    local sources = {"GOOGLE", "FACEBOOK", "ORGANIC", "TWITTER"}
    local states = {"CA", "TX", "NY", "FL", "IL", "WA", "OH"}
    id = 1000000000000 + tonumber(args[1])
    for i = 0, 999 do
        local cents = 1000 + i * 37 % 9000
        local total = cents + 799
        tails[i] = string.format(
            ',"created_at":"%s","customer_id":%d,"product_id":%d,"quantity":%d,' ..
            '"subtotal":%d.%02d,"discount":0.00,"shipping":4.99,"tax":3.00,"total":%d.%02d,' ..
            '"currency":"USD","source":"%s","state":"%s"}',
            args[2], 10000 + i * 7, 100 + i % 200, 1 + i % 3, math.floor(cents / 100), cents % 100,
            math.floor(total / 100), total % 100, sources[1 + i % #sources],
            states[1 + i % #states])
        local open = '{"order_id":'
        heads[i] = string.format(
            "POST /v1/orders HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n" ..
            "Content-Length: %d\r\n\r\n%s", wrk.headers["Host"], #open + 13 + #tails[i], open)
    end
end

function request()
    id = id + 1
    local i = id % 1000
    return heads[i] .. id .. tails[i]
end
