-- Have this transaction's statements planned for their own time range, and not JIT-compiled.
--
-- A generic plan would read a whole table through an index, or a day by reading
-- everything; compiling takes longer than most reports. The data are mostly in memory,
-- so a random page costs little more than the next one; and some hundred thousand
-- cities are counted without going to disk.
-- Returns one row: the values that were set.
SELECT
    set_config('plan_cache_mode', 'force_custom_plan', true),
    set_config('jit', 'off', true),
    set_config('random_page_cost', '1.1', true),
    set_config('work_mem', '64MB', true)
