-- What:   progress and log lines of a running attempt.
-- Needs:  its token.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, token, progress? (JSON), lines[], keep (lines)}
-- Reply:  {'OK'} | {'ASKED'} (the same, and it is asked to end) | {'LOST'}
-- @include keys
-- @include read_run
local a = cmsgpack.unpack(ARGV[1])
local run = read_run(a.id)
if not run or run.status ~= 'running' or run.token ~= a.token then return {'LOST'} end
if a.progress then redis.call('HSET', K.run(a.id), 'progress', a.progress) end
for _, line in ipairs(a.lines) do redis.call('RPUSH', K.log(a.id), line) end
if #a.lines > 0 then redis.call('LTRIM', K.log(a.id), -a.keep, -1) end
return {run.cancel and 'ASKED' or 'OK'}
