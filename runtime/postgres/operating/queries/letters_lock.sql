-- Lock the open ones of some dead letters until the end of the transaction.
--
-- $1 id  uuid[]
-- Returns them in the order of their ids: (id uuid)
SELECT id
FROM dead_letters
WHERE id = ANY($1::uuid[]) AND state = 'open'
ORDER BY id
FOR UPDATE
