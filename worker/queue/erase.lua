-- erase.lua: takes the jobs of one user out of the queue, in whatever state; a worker that has one hears `lost` and stops.
-- ARGV 1 user  2 most jobs a call. Answer: how many went; fewer than asked for: there are no more, and the rest of what the
-- queue knows of the user is gone as well.
local user, most = ARGV[1], tonumber(ARGV[2])
local count = 0

-- The members "<user>/…" of a sorted set.
local function members_of(key)
	local found, cursor = {}, '0'
	repeat
		local answer = call('ZSCAN', key, cursor, 'MATCH', user .. '/*', 'COUNT', 1000)
		cursor = answer[1]
		for i = 1, #answer[2], 2 do
			found[#found + 1] = answer[2][i]
		end
	until cursor == '0'
	return found
end

for _, job in ipairs(call('SRANDMEMBER', q .. 'live:' .. user, most)) do
	take_out(job)
	call('SREM', q .. 'live:' .. user, job)
	call('DEL', job_key(job))
	count = count + 1
end
if count == most then
	return count
end
for _, job in ipairs(members_of(q .. 'dead')) do
	call('ZREM', q .. 'dead', job)
	call('DEL', job_key(job))
	count = count + 1
end
for _, set in ipairs({ 'hooks', 'hooks:dead' }) do
	for _, name in ipairs(members_of(q .. set)) do
		call('ZREM', q .. set, name)
		call('DEL', hook_key(name))
	end
end
for _, set in ipairs({ 'batches', 'uploads', 'hooks:told' }) do
	for _, name in ipairs(members_of(q .. set)) do
		call('ZREM', q .. set, name)
	end
end
return math.min(count, most - 1)
