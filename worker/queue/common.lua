-- common.lua: stands before each script of this folder (queue_scripts.c puts them together).
--
-- KEYS[1] is "{cvq}:", the beginning of every key, so that all have one hash slot. A job is named "<user>/<cv>".
--   job:<job>            hash: all that is known of the job, with its one state: waiting leased delayed dead
--   waiting              sorted set of waiting jobs by the time since when they wait
--   of:<lane>:<user>     sorted set of one user's waiting jobs, by priority, then by arrival
--   turn:<lane>          sorted set of users with waiting jobs, by turn: who was served goes to the end
--   leases               sorted set of leased jobs by the time when the lease runs out
--   stalled              sorted set of leased jobs without progress, by the lease that saw it first
--   delayed              sorted set of jobs that may wait again only at that time
--   dead                 sorted set of dead letters by the time when they were given up
--   live:<user>          set of the user's jobs that are not dead
--   batches              sorted set of "<user>/<batch>" by the time when somebody should see whether it lies idle
--   uploads              sorted set of "<user>/<batch>" that a file is on its way to, by the time when that is given up
--   idem:<user>/<key>    idempotency key: the job and batch it made
--   inbox                stream of what other programs hand over;  inbox:dead: what of it could not be taken, and why
--   hooks                sorted set of "<user>/<cv>" whose end a webhook must tell, by the time when it is sent
--   hook:<user>/<cv>     hash: which attempt of the CV, and how often it was tried, its own address; what is sent is the CV's newest frame
--   hooks:dead           sorted set of those that were given up, by that time;  hooks:told: what is not to be told (again), for a while
--   stats, done:<hour>   numbers for people;   paused, draining: switches
local call, q = redis.call, KEYS[1]

local function now_ms()
	local time = call('TIME')
	return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function job_key(job)
	return q .. 'job:' .. job
end

local function hook_key(name)
	return q .. 'hook:' .. name
end

-- Of an attempt that was told ("<user>/<cv>/<attempt>") or a CV that was erased ("<user>/<cv>") a worker may still say that it ended.
local function tell_no_more(what, now)
	local FOR_MS, MOST = 600000, 10000
	call('ZADD', q .. 'hooks:told', now, what)
	call('ZREMRANGEBYSCORE', q .. 'hooks:told', '-inf', now - FOR_MS)
	call('ZREMRANGEBYRANK', q .. 'hooks:told', 0, -1 - MOST)
	call('PEXPIRE', q .. 'hooks:told', FOR_MS)
end

-- Puts a job where lease.lua finds it: into its user's queue, and the user into the round if not there.
local function make_waiting(job, now)
	local user, lane, priority, seq = unpack(call('HMGET', job_key(job), 'user', 'lane', 'priority', 'seq'))
	call('ZADD', q .. 'of:' .. lane .. ':' .. user, (9 - priority) * 1e14 + seq, job)
	call('ZADD', q .. 'turn:' .. lane, 'NX', call('INCR', q .. 'turns'), user)
	call('ZADD', q .. 'waiting', now, job)
	call('HSET', job_key(job), 'state', 'waiting')
end

-- Takes a job out of the set that its state stands for. Returns its user and batch, nil when there is no such job.
local function take_out(job)
	local state, user, lane, batch = unpack(call('HMGET', job_key(job), 'state', 'user', 'lane', 'batch'))
	if not state then
		return nil
	elseif state == 'waiting' then
		local own = q .. 'of:' .. lane .. ':' .. user
		call('ZREM', own, job)
		if call('EXISTS', own) == 0 then
			call('ZREM', q .. 'turn:' .. lane, user)
		end
		call('ZREM', q .. 'waiting', job)
	else
		call('ZREM', q .. 'stalled', job)
		call('ZREM', q .. (state == 'leased' and 'leases' or state), job)
	end
	return user, batch
end

-- Its end is published. The batch is looked at from now on, if nobody does: its job may have begun without a first event, by
-- the hand of one that had died, and been forgotten as a batch that nobody knows.
local function end_job(job)
	local user, batch = take_out(job)
	call('SREM', q .. 'live:' .. user, job)
	call('ZADD', q .. 'batches', 'NX', now_ms(), user .. '/' .. batch)
end

-- Whoever works on a job shows the token of its lease; another worker may have the job by now.
local function holds(job, token)
	return call('HGET', job_key(job), 'token') == token
end

-- The lease itself: from now on only this token moves the job. Returns all fields of the job, its name first.
local function give(job, token, worker, until_ms)
	call('ZREM', q .. 'stalled', job)
	call('ZADD', q .. 'leases', until_ms, job)
	call('HSET', job_key(job), 'state', 'leased', 'token', token, 'worker', worker)
	local fields = call('HGETALL', job_key(job))
	table.insert(fields, 1, job)
	return fields
end

-- Takes an entry out of the inbox; with a reason, a dead letter tells what it was (of a huge one the beginning).
local function inbox_end(id, reason, dead_max)
	local FIELDS_MAX, BYTES_MAX = 32, 2048
	local entry = reason ~= '' and call('XRANGE', q .. 'inbox', id, id)[1]
	if entry then
		local letter = { 'entry', id, 'reason', reason }
		for i = 1, math.min(#entry[2], FIELDS_MAX) do
			letter[#letter + 1] = string.sub(entry[2][i], 1, BYTES_MAX)
		end
		call('XADD', q .. 'inbox:dead', 'MAXLEN', dead_max, '*', unpack(letter))
	end
	call('XACK', q .. 'inbox', 'workers', id)
	call('XDEL', q .. 'inbox', id)
end
