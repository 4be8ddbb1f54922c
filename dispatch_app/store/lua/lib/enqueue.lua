-- One message onto its queue, where a kombu consumer takes it from the other end. `queue` is a key
-- of the broker, outside our prefix: kombu's name for a queue and a priority step.
local function enqueue(queue, message) redis.call('LPUSH', queue, message) end
