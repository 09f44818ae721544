-- lease.lua: gives the next job to a worker. Users take turns, so that one with 5,000 files does not hold up another's 3;
-- within a user the highest priority goes first, then the oldest.
-- ARGV 1 lane  2 worker  3 token (new for each call)  4 lease in ms. Answer { job, name, value, … }, or {} when there is none.
local PROMOTE_MAX = 20 -- delayed jobs a call; the next call goes on
local lane, now = ARGV[1], now_ms()
if call('EXISTS', q .. 'paused') == 1 then
	return {}
end
for _, job in ipairs(call('ZRANGEBYSCORE', q .. 'delayed', '-inf', now, 'LIMIT', 0, PROMOTE_MAX)) do
	call('ZREM', q .. 'delayed', job)
	make_waiting(job, now)
end

local user = call('ZPOPMIN', q .. 'turn:' .. lane)[1]
if not user then
	return {}
end
local own = q .. 'of:' .. lane .. ':' .. user
local job = call('ZPOPMIN', own)[1]
if call('EXISTS', own) == 1 then
	call('ZADD', q .. 'turn:' .. lane, call('INCR', q .. 'turns'), user)
end

-- A moving average over some dozens of jobs: what a newcomer may expect.
local waited = now - call('ZSCORE', q .. 'waiting', job)
local average = tonumber(call('HGET', q .. 'stats', 'wait_ms') or waited)
call('HSET', q .. 'stats', 'wait_ms', math.floor(average + (waited - average) / 16 + 0.5))
call('ZREM', q .. 'waiting', job)
call('HINCRBY', job_key(job), 'tries', 1)
return give(job, ARGV[3], ARGV[2], now + ARGV[4])
