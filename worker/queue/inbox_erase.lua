-- inbox_erase.lua: takes one user's entries out of the inbox and its dead letters. Redis keeps the bytes of a deleted entry as
-- long as a neighbour lives, so both streams are written anew, with the same ids. Entries that a worker has in hand are
-- given out once more: their idempotency keys know them.
-- ARGV 1 user. Answer: how many entries went.
local function is_of_user(fields)
	for i = 1, #fields - 1, 2 do
		if fields[i] == 'user' and fields[i + 1] == ARGV[1] then
			return true
		end
	end
	return false
end

local function rewrite(stream)
	local fresh, count = stream .. ':new', 0
	local entries = call('XRANGE', stream, '-', '+')
	call('DEL', fresh)
	for _, entry in ipairs(entries) do
		if is_of_user(entry[2]) then
			count = count + 1
		else
			call('XADD', fresh, entry[1], unpack(entry[2]))
		end
	end
	if count == #entries then
		call('DEL', stream)
	else
		call('RENAME', fresh, stream)
	end
	return count
end

return rewrite(q .. 'inbox') + rewrite(q .. 'inbox:dead')
