-- What:   no more occurrences; unfinished runs are cancelled, running ones fenced.
-- Needs:  the task has not ended otherwise.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {id, now?}
-- Reply:  {'OK'} (also if it is cancelled already) | {'NOT_FOUND'} | {'ENDED', status}
-- Event:  task.cancelled (and run.cancelled for each)
-- Keeps:  I5
-- @include keys
-- @include now
-- @include text
-- @include event
-- @include task_status
-- @include cancel_runs
local a = cmsgpack.unpack(ARGV[1])
local key = K.task(a.id)
local status = redis.call('HGET', key, 'status')
if not status then return {'NOT_FOUND'} end
if status == 'cancelled' then return {'OK'} end
local at = now(a.now)
local over = status == 'completed' or FINISHED[status]
if over then return {'ENDED', status} end
redis.call('ZREM', K.agenda, 't:' .. a.id)
redis.call('HDEL', key, 'next')
cancel_runs(a.id, at, 'its task was cancelled')
task_status(a.id, 'cancelled')
redis.call('HSET', key, 'updated', text(at))
event('task.cancelled', a.id, nil, 'cancelled')
return {'OK'}
