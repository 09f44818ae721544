-- stats.lua: the queue in numbers. Answer { waiting, running, delayed, dead, average wait ms, age of the oldest waiting job ms,
-- jobs that stall or whose lease ran out, jobs done in the last hour (estimated from two clock hours), paused, draining, webhooks that wait,
-- and that were given up }.
local now = now_ms()
local oldest = call('ZRANGE', q .. 'waiting', 0, 0, 'WITHSCORES')[2]
local hour = math.floor(now / 3600000)
local this = tonumber(call('GET', q .. 'done:' .. hour) or 0)
local last = tonumber(call('GET', q .. 'done:' .. hour - 1) or 0)
local rest_of_hour = 1 - now % 3600000 / 3600000
return {
	call('ZCARD', q .. 'waiting'), call('ZCARD', q .. 'leases'), call('ZCARD', q .. 'delayed'), call('ZCARD', q .. 'dead'),
	tonumber(call('HGET', q .. 'stats', 'wait_ms') or 0), oldest and math.max(0, now - oldest) or 0,
	call('ZCARD', q .. 'stalled') + call('ZCOUNT', q .. 'leases', '-inf', now), math.floor(this + last * rest_of_hour),
	call('EXISTS', q .. 'paused'), call('EXISTS', q .. 'draining'),
	call('ZCARD', q .. 'hooks'), call('ZCARD', q .. 'hooks:dead'),
}
