-- ack.lua: the job is over; its terminal event has been published. ARGV 1 job  2 token. Answer "ok" or "lost".
local DONE_KEPT_S = 7200 -- this hour's and the last one's number
local job = ARGV[1]
if not holds(job, ARGV[2]) then
	return 'lost'
end
end_job(job)
call('DEL', job_key(job))
local done = q .. 'done:' .. math.floor(now_ms() / 3600000)
call('INCR', done)
call('EXPIRE', done, DONE_KEPT_S)
return 'ok'
