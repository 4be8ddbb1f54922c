-- What:   some members of the listing of dead letters against the runs that they name; what is no letter
--         is taken out.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {members[], mend}; at most 200 members
-- Reply:  {kind, task, run, words}[]
-- Event:  audit.mended for each
-- @include keys
-- @include letter
-- @include audit
local a = cmsgpack.unpack(ARGV[1])
audit.mend = a.mend

-- Whether a run of this name died then. What holds something else than a run is told of by its name.
local function is_letter(member, id)
  local died = redis.pcall('HGET', K.run(id), 'died')
  return type(died) == 'table' or (died and letter_of(id, died) == member)
end

for _, member in ipairs(a.members) do
  local id = string.sub(member, 15)
  if redis.call('ZSCORE', K.dead, member) and not is_letter(member, id) and
    out_of_step('listing', nil, id, 'no dead letter is ' .. member .. ' in dead') then
    redis.call('ZREM', K.dead, member)
  end
end
return audit.found
