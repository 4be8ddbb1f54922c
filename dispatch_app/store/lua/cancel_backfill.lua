-- What:   a backfill makes no more runs, and those of its that are not finished are cancelled, running
--         ones asked to end, or fenced. A thousand runs a call, since a script stops the whole server while it runs.
-- Needs:  it has not ended otherwise.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, grace? (ms that running ones have to end by themselves; none: they are fenced
--         at once), keep (finished runs of its task), after? (run up to which it is done), now?}
-- Reply:  {'OK', run up to which it is done, or '' if that was all} (also if it is cancelled already)
--         | {'NOT_FOUND'} | {'ENDED', status}
-- Event:  run.cancelled or run.cancelling for each
-- Keeps:  I5
-- @include keys
-- @include now
-- @include cancel_run
-- @include trim
-- @include backfill
local PIECE = 1000
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
local h = redis.call('HMGET', K.backfill(a.id), 'status', 'task')
if not h[1] then return {'NOT_FOUND'} end
if h[1] ~= 'running' and h[1] ~= 'cancelled' then return {'ENDED', h[1]} end
end_backfill(a.id, 'cancelled', at)
local first = a.after and '(' .. a.after or '-'
local runs = redis.call('ZRANGEBYLEX', K.runs_by('backfill', a.id), first, '+', 'LIMIT', 0, PIECE)
-- first what waits, so that no end releases it
for _, waits in ipairs({true, false}) do
  for _, id in ipairs(runs) do
    if (redis.pcall('HGET', K.run(id), 'status') == 'waiting') == waits then
      ask_to_end(id, at, 'its backfill was cancelled', a.grace)
    end
  end
end
trim(h[2], a.keep, PIECE)
return {'OK', runs[PIECE] or ''}
