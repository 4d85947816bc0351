-- A replay deletes the gap rows that stood for a refused batch. Without this a lightweight DELETE is refused on a
-- table with a projection; with it the projection `landed` of the parts that are touched is made again, so that
-- what a consumer looks up stays as true as the rows are.
ALTER TABLE {database}.console_logs MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
