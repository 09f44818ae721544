-- inbox_end.lua: an entry of the inbox is done with. ARGV 1 id  2 why it was refused ("": it was not)  3 most dead letters.
inbox_end(ARGV[1], ARGV[2], ARGV[3])
return 'ok'
