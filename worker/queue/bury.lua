-- bury.lua: gives a job up. It stays as a dead letter for an operator to look at, to try again or to drop.
-- ARGV 1 job  2 token  3 error code  4 most dead letters (the oldest go)  5 how long one is kept, in s. Answer "ok" or "lost".
local job, dead = ARGV[1], q .. 'dead'
if not holds(job, ARGV[2]) then
	return 'lost'
end
local now = now_ms()
end_job(job)
call('HSET', job_key(job), 'state', 'dead', 'token', '', 'error', ARGV[3], 'died_ms', now)
call('EXPIRE', job_key(job), ARGV[5])
call('ZREMRANGEBYSCORE', dead, '-inf', now - ARGV[5] * 1000)
call('ZADD', dead, now, job)
if call('ZCARD', dead) > tonumber(ARGV[4]) then
	call('DEL', job_key(call('ZPOPMIN', dead)[1]))
end
return 'ok'
