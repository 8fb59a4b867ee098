-- What a topic's state was is told by few of its facts, and these are found without looking through the others: the last
-- that set the retained message, and the first behind it that took it away. Messages that are not retained are in
-- neither index, and each other fact is in one.
create index journal_sets on journal (topic_id, seq) where retain and kind in (1, 2);
create index journal_clears on journal (topic_id, seq) where kind in (3, 4);

-- Only the system's facts tell of presence, so only their partitions have the index.
create index journal_presence on journal_class_0 ((detail ->> 'device'), seq) where kind = 6;
