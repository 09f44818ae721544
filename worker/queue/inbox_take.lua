-- inbox_take.lua: entries of the inbox stream for one worker: first those that another took long ago and never ended (it died),
-- then new ones. An entry that was taken too often goes to the dead letters: it may be what kills workers.
-- All workers read as one consumer of the group: who has an entry shows by its idle time only.
-- ARGV   1 most entries  2 ms after which an entry counts as left behind  3 most deliveries  4 most dead letters
-- Answer { { id, { field, value, … } }, … }
local stream, group = q .. 'inbox', 'workers'
local room, idle_ms, deliveries_max, dead_max = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
if call('EXISTS', stream) == 0 then
	return {}
end

local known = false
for _, info in ipairs(call('XINFO', 'GROUPS', stream)) do
	known = known or info[2] == group
end
if not known then
	call('XGROUP', 'CREATE', stream, group, '0')
end

local entries = {}
for _, left in ipairs(call('XPENDING', stream, group, 'IDLE', idle_ms, '-', '+', room)) do
	if left[4] >= deliveries_max then
		inbox_end(left[1], 'taken too often', dead_max)
	else
		for _, entry in ipairs(call('XCLAIM', stream, group, 'worker', idle_ms, left[1])) do
			entries[#entries + 1] = entry
		end
	end
end
if #entries < room then
	local answer = call('XREADGROUP', 'GROUP', group, 'worker', 'COUNT', room - #entries, 'STREAMS', stream, '>')
	for _, entry in ipairs(answer and answer[1][2] or {}) do
		entries[#entries + 1] = entry
	end
end
return entries
