-- reap.lua: takes over leases that ran out: their worker is gone. Whoever reaps ends each job as if it had failed here with
-- worker_lost (tries says how often it was begun). If the reaper dies too, the lease runs out again: nothing is forgotten.
-- ARGV 1 worker  2 token  3 lease in ms  4 most jobs. Answer: a list of jobs, each as lease.lua gives it.
local now, taken = now_ms(), {}
for _, job in ipairs(call('ZRANGEBYSCORE', q .. 'leases', '-inf', now, 'LIMIT', 0, ARGV[4])) do
	taken[#taken + 1] = give(job, ARGV[2], ARGV[1], now + ARGV[3])
end
return taken
