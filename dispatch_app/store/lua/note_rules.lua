-- What:   what schedulers plan by (zone data, program); where that is another than the
--         last time, all tasks are put before them (agenda, `z:`) to be planned anew.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {rules, now?}
-- Reply:  {'OK', whether it is another one}
-- @include keys
-- @include now
-- @include agenda
local a = cmsgpack.unpack(ARGV[1])
local before = redis.call('GET', K.rules)
if before == a.rules then return {'OK', 0} end
redis.call('SET', K.rules, a.rules)
-- of a new installation there is nothing to plan anew
if not before and redis.call('EXISTS', K.tasks) == 0 then return {'OK', 1} end
redis.call('HDEL', K.replans, 'z:')
agenda_put('z:', now(a.now))
return {'OK', 1}
