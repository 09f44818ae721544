# Turns a text file into a C string constant named after it (publish.lua -> publish_lua). Escapes are put in character by
# character: what gsub makes of backslashes differs between mawk and gawk.
BEGIN { name = ARGV[1]; sub(/.*\//, "", name); gsub(/[^A-Za-z0-9]/, "_", name); printf "static const char %s[] =\n", name }
{
	line = ""
	for (i = 1; i <= length($0); i++) {
		c = substr($0, i, 1)
		line = line (c == "\\" || c == "\"" ? "\\" : "") c
	}
	printf "\t\"%s\\n\"\n", line
}
END { print ";" }
