-- reap.lua: takes over leases that ran out, or those of a worker that is known to be dead. Whoever reaps ends each job as if
-- it had failed here with worker_lost (tries says how often it was begun). If the reaper dies too, the lease runs out again:
-- nothing is forgotten.
-- ARGV 1 worker  2 token  3 lease in ms  4 most jobs  5 the dead worker, or "". Answer: a list of jobs, each as lease.lua
-- gives it.
local now, dead, taken = now_ms(), ARGV[5], {}
local most = tonumber(ARGV[4])
local jobs = dead == '' and call('ZRANGEBYSCORE', q .. 'leases', '-inf', now, 'LIMIT', 0, most)
	or call('ZRANGE', q .. 'leases', 0, -1) -- as many as all workers have slots
for _, job in ipairs(jobs) do
	if #taken < most and (dead == '' or call('HGET', job_key(job), 'worker') == dead) then
		taken[#taken + 1] = give(job, ARGV[2], ARGV[1], now + ARGV[3])
	end
end
return taken
