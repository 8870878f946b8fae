-- Have this transaction's statements planned for their own range of time, and not compiled.
--
-- A plan for any range would read a whole table through an index, or a day by
-- reading all; to compile takes longer than most reports. What is asked for is
-- mostly in memory, so a random page costs little more than the next; and some
-- hundred thousand cities are counted without going to disk.
-- Returns one row: the values that were set.
SELECT
    set_config('plan_cache_mode', 'force_custom_plan', true),
    set_config('jit', 'off', true),
    set_config('random_page_cost', '1.1', true),
    set_config('work_mem', '64MB', true)
