-- @include keys
-- One entry on the stream, trimmed to about 10,000.
local function event(name, task, run, status)
  redis.call('XADD', K.events, 'MAXLEN', '~', 10000, '*',
    'event', name, 'task', task, 'run', run or '', 'status', status)
end
