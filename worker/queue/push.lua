-- push.lua: takes a job into the queue, delayed by a hold time; start.lua ends the hold. So the limits are checked before
-- anybody hears of the job, its first event is published before any worker can see it, and if whoever pushed it dies
-- in between, the job begins by itself when the hold is over.
--
-- ARGV   1 user  2 batch  3 cv  4 lane  5 priority (0 to 9, 9 first)  6 attempt  7 hold in ms
--        8 queue_max, 9 max_pending_per_user (0: no limit)  10 idempotency key (may be ""), 11 its life in seconds
--        12 ms until the batch is first looked at; then names and values of further fields
-- Answer { "ok" };  { "exists" }: this attempt, or a later one, is there;  { "same", job, batch }: the idempotency key made it;
--        { "full" } { "user_full" } { "draining" }: refused, nothing is kept. With queue_max 0 nothing is refused.
-- A later attempt takes the place of an earlier one, whatever that was doing.
local user, batch, cv, lane = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local job = user .. '/' .. cv
local idem = ARGV[10] ~= '' and q .. 'idem:' .. user .. '/' .. ARGV[10] or nil
local known = idem and call('HMGET', idem, 'job', 'batch') or {}
if known[1] then
	return { 'same', known[1], known[2] }
end
local state, attempt = unpack(call('HMGET', job_key(job), 'state', 'attempt'))
if state and tonumber(ARGV[6]) <= tonumber(attempt) then
	return { 'exists' }
end

local queue_max, user_max = tonumber(ARGV[8]), tonumber(ARGV[9])
if queue_max > 0 and call('EXISTS', q .. 'draining') == 1 then
	return { 'draining' }
elseif queue_max > 0 and call('ZCARD', q .. 'waiting') + call('ZCARD', q .. 'delayed') >= queue_max then
	return { 'full' }
elseif user_max > 0 and call('SCARD', q .. 'live:' .. user) >= user_max then
	return { 'user_full' }
end

local now = now_ms()
if state then
	take_out(job)
	call('DEL', job_key(job))
end
call('ZREM', q .. 'dead', job) -- a dead letter's hash may have expired before its name
call('HSET', job_key(job), 'user', user, 'batch', batch, 'cv', cv, 'lane', lane, 'priority', ARGV[5], 'attempt', ARGV[6],
	'tries', 0, 'seq', call('INCR', q .. 'seq'), 'state', 'delayed', 'token', '', 'error', '', 'pushed_ms', now,
	unpack(ARGV, 13))
call('ZADD', q .. 'delayed', now + ARGV[7], job)
call('SADD', q .. 'live:' .. user, job)
call('ZADD', q .. 'batches', 'NX', now + ARGV[12], user .. '/' .. batch)
if idem then
	call('HSET', idem, 'job', job, 'batch', batch)
	call('EXPIRE', idem, ARGV[11])
end
return { 'ok' }
