-- What:   prolong the leases of one worker's runs at once, or just look after them, and name those that
--         it no longer holds.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {lease? (ms; none: they stay as they are), runs[] of {id, token}, now?}
-- Reply:  {ids that are lost, ids that are asked to end}. Lost are those whose lease another token has, or that others have ended; a run that has not started yet is
--         no loss, nor is one that its holder has ended: its process is at the next run by now
-- Keeps:  I3
-- @include keys
-- @include now
-- @include read_run
-- @include even_if_full
local a = cmsgpack.unpack(ARGV[1])
local at, lost, asked = now(a.now), {}, {}
even_if_full()
for _, pair in ipairs(a.runs) do
  local run = read_run(pair[1])
  if run and run.status == 'running' and run.token == pair[2] then
    if a.lease then redis.call('ZADD', K.leases, at + a.lease, run.id) end
    if run.cancel then asked[#asked + 1] = run.id end
  elseif not run or run.status ~= 'queued' and redis.call('HGET', K.run(run.id), 'closed') ~= pair[2] then
    lost[#lost + 1] = pair[1]
  end
end
return {lost, asked}
