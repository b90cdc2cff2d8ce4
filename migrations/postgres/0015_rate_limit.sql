-- How often somebody has failed, and how long they wait. Each decision is one statement, which leaves its answer in waits_until. Times and lengths are
-- microseconds. What was counted before begins anew.
DROP TABLE throttles;
CREATE TABLE throttles (
    name TEXT COLLATE "C" PRIMARY KEY,
    failures BIGINT NOT NULL,      -- tries under way included
    last BIGINT NOT NULL,          -- when the last of them was counted
    last_before BIGINT NOT NULL,   -- and the one before it
    pending BIGINT NOT NULL,       -- tries under way, of counts that many people share
    pending_until BIGINT NOT NULL, -- from then on they are failures: whoever made them has crashed
    waits_until BIGINT NOT NULL,   -- the answer to the last question: 0, or until when to wait
    free BIGINT NOT NULL,          -- the limits of the last question
    first_wait BIGINT NOT NULL,
    doublings BIGINT NOT NULL,
    longest_wait BIGINT NOT NULL,
    forget_after BIGINT NOT NULL
);
