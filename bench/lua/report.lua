-- SPDX-License-Identifier: MIT
-- wrk's end: its figures as one line of JSON. Shared by the scripts that make requests.
function done(summary, latency, requests)
    local e = summary.errors
    local broken = e.connect + e.read + e.write + e.timeout
    io.write(string.format(
        'RESULT {"requests":%d,"seconds":%.6f,"not_2xx":%d,"broken":%d,' ..
        '"p50_ms":%.3f,"p99_ms":%.3f}\n',
        summary.requests, summary.duration / 1e6, e.status, broken,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
