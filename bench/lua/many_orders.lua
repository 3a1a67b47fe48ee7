-- SPDX-License-Identifier: MIT
-- POST of 1,000 orders as NDJSON, other ones each time, increasing ids.
-- wrk ... -- FIRST_ID CREATED_AT PATH
-- The body is made once; a request only gets new digits written into the places of its ids: 13 of
-- them, the first 10 for the request and the last 3 for the line.
require "report"
local ffi = require "ffi"
local buffer, length, places, number = nil, 0, {}, 0

function init(args)
    local sources = {"GOOGLE", "FACEBOOK", "ORGANIC", "TWITTER"}
    local states = {"CA", "TX", "NY", "FL", "IL", "WA", "OH"}
    local lines, at = {}, 0
    number = 1000000000 + tonumber(args[1])
    for i = 0, 999 do
        local cents = 1000 + i * 37 % 9000
        local total = cents + 799
        lines[i + 1] = string.format(
            '{"order_id":0000000000%03d,"created_at":"%s","customer_id":%d,"product_id":%d,' ..
            '"quantity":%d,"subtotal":%d.%02d,"discount":0.00,"shipping":4.99,"tax":3.00,' ..
            '"total":%d.%02d,"currency":"USD","source":"%s","state":"%s"}\n',
            i, args[2], 10000 + i * 7, 100 + i % 200, 1 + i % 3, math.floor(cents / 100),
            cents % 100, math.floor(total / 100), total % 100, sources[1 + i % #sources],
            states[1 + i % #states])
        places[i] = at + #'{"order_id":'
        at = at + #lines[i + 1]
    end
    local head = string.format(
        "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-ndjson\r\n" ..
        "Content-Length: %d\r\n\r\n", args[3], wrk.headers["Host"], at)
    local whole = head .. table.concat(lines)
    length = #whole
    buffer = ffi.new("char[?]", length)
    ffi.copy(buffer, whole, length)
    for i = 0, 999 do
        places[i] = places[i] + #head
    end
end

function request()
    number = number + 1
    local digits = tostring(number)
    for i = 0, 999 do
        ffi.copy(buffer + places[i], digits, 10)
    end
    return ffi.string(buffer, length)
end
