"""The schema as numbered migrations, in the order in which they are applied.

Tables live in the schema `log` and are only ever added to. The names that people query (`trajectories`,
`verdicts`, …) are views over them that show the current state: one row an id, the newest, without what was
retracted. Nothing leans on keys, sequences or updates, so the same SQL runs on DuckLake.

`row_id` and `attempt_id` are random 64-bit numbers. They tie a row to the rows written with it (segments to
a trajectory's text, verdicts and findings to an attempt), so that a view can pick the newest parent by
number and never sorts text.
"""

TABLES = """
CREATE SCHEMA log;
CREATE TABLE log.trajectories (
    row_id UBIGINT, trajectory_id VARCHAR, source VARCHAR, environment VARCHAR, variant VARCHAR,
    prompt_id VARCHAR, checkpoint VARCHAR, model VARCHAR, sample BIGINT, messages JSON, reasoning VARCHAR,
    reasoning_state VARCHAR, reasoning_source VARCHAR, answer VARCHAR, finish_reason VARCHAR,
    reasoning_sha256 VARCHAR, content_sha256 VARCHAR, synthetic VARCHAR, metadata JSON,
    created_at TIMESTAMP, stored_at TIMESTAMP);
CREATE TABLE log.checkpoints (name VARCHAR, series VARCHAR, position DOUBLE, created_at TIMESTAMP);
CREATE TABLE log.segments (
    row_id UBIGINT, trajectory_id VARCHAR, segmentation VARCHAR, segment INTEGER, message INTEGER,
    start_char INTEGER, end_char INTEGER);
CREATE TABLE log.retractions (trajectory_id VARCHAR, source VARCHAR, reason VARCHAR, created_at TIMESTAMP);
CREATE TABLE log.quarantine (
    source VARCHAR, line BIGINT, reason VARCHAR, excerpt VARCHAR, created_at TIMESTAMP);
CREATE TABLE log.outcomes (
    trajectory_id VARCHAR, name VARCHAR, value JSON, state VARCHAR, reader VARCHAR, created_at TIMESTAMP);
CREATE TABLE log.runs (
    run_id VARCHAR, tagger VARCHAR, model VARCHAR, config JSON, codebook_revision INTEGER,
    created_at TIMESTAMP);
CREATE TABLE log.attempts (
    attempt_id UBIGINT, run_id VARCHAR, trajectory_id VARCHAR, reasoning_sha256 VARCHAR, state VARCHAR,
    windows INTEGER, input_tokens BIGINT, cached_tokens BIGINT, output_tokens BIGINT, cost_usd DOUBLE,
    seconds DOUBLE, error VARCHAR, created_at TIMESTAMP);
CREATE TABLE log.verdicts (
    attempt_id UBIGINT, run_id VARCHAR, trajectory_id VARCHAR, pattern VARCHAR, verdict VARCHAR,
    score DOUBLE, why VARCHAR);
CREATE TABLE log.findings (
    attempt_id UBIGINT, run_id VARCHAR, trajectory_id VARCHAR, pattern VARCHAR, quote VARCHAR,
    start_char INTEGER, end_char INTEGER, match VARCHAR, stance VARCHAR, role VARCHAR, attributes JSON,
    why VARCHAR);
CREATE TABLE log.label_events (
    event_id VARCHAR, created_at TIMESTAMP, annotator VARCHAR, session VARCHAR, trajectory_id VARCHAR,
    reasoning_sha256 VARCHAR, segmentation VARCHAR, codebook_revision INTEGER, phase VARCHAR, op VARCHAR,
    pattern VARCHAR, old VARCHAR, new VARCHAR, quote VARCHAR, start_char INTEGER, end_char INTEGER,
    stance VARCHAR, role VARCHAR, attributes JSON, explicit BOOLEAN, origin VARCHAR, run_id VARCHAR,
    queue_reason VARCHAR, queue_probability DOUBLE, note VARCHAR);
CREATE TABLE log.embeddings (text_sha256 VARCHAR, embedder VARCHAR, vector FLOAT[]);
CREATE TABLE log.clusters (
    clustering_id VARCHAR, cluster INTEGER, name VARCHAR, size BIGINT, config JSON, created_at TIMESTAMP);
CREATE TABLE log.cluster_members (
    clustering_id VARCHAR, cluster INTEGER, trajectory_id VARCHAR, start_char INTEGER, end_char INTEGER,
    weight DOUBLE);
"""

VIEWS = """
CREATE VIEW trajectories AS
    SELECT t.* FROM log.trajectories t
    WHERE row_id IN (SELECT arg_max(row_id, stored_at) FROM log.trajectories GROUP BY trajectory_id)
      AND NOT EXISTS (FROM log.retractions r
                      WHERE r.trajectory_id = t.trajectory_id AND r.created_at >= t.stored_at)
      AND NOT EXISTS (FROM log.retractions r WHERE r.source = t.source AND r.created_at >= t.stored_at);
CREATE VIEW segments AS
    SELECT * FROM log.segments WHERE row_id IN (SELECT row_id FROM trajectories);
CREATE VIEW checkpoints AS
    SELECT name, arg_max_null(series, created_at) AS series,
           arg_max_null(position, created_at) AS position
    FROM log.checkpoints GROUP BY name;
CREATE VIEW retractions AS FROM log.retractions;
CREATE VIEW quarantine AS
    SELECT source, line, reason, excerpt, max(created_at) AS created_at FROM log.quarantine GROUP BY ALL;
CREATE VIEW outcomes AS
    SELECT trajectory_id, name, arg_max_null(value, created_at) AS value,
           arg_max_null(state, created_at) AS state,
           arg_max_null(reader, created_at) AS reader, max(created_at) AS created_at
    FROM log.outcomes GROUP BY trajectory_id, name;
CREATE VIEW runs AS
    SELECT run_id, any_value(tagger) AS tagger, any_value(model) AS model, any_value(config) AS config,
           any_value(codebook_revision) AS codebook_revision, min(created_at) AS created_at
    FROM log.runs GROUP BY run_id;
CREATE VIEW attempts AS
    SELECT * FROM log.attempts
    WHERE attempt_id IN
        (SELECT arg_max(attempt_id, created_at) FROM log.attempts GROUP BY run_id, trajectory_id);
CREATE VIEW verdicts AS
    SELECT * FROM log.verdicts WHERE attempt_id IN (SELECT attempt_id FROM attempts WHERE state = 'ok');
CREATE VIEW findings AS
    SELECT * FROM log.findings WHERE attempt_id IN (SELECT attempt_id FROM attempts WHERE state = 'ok');
CREATE VIEW label_events AS
    SELECT * FROM log.label_events
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY created_at) = 1;
CREATE VIEW embeddings AS FROM log.embeddings;
CREATE VIEW clusters AS FROM log.clusters;
CREATE VIEW cluster_members AS FROM log.cluster_members;
"""

VOTES = """
ALTER TABLE log.verdicts ADD COLUMN present_share DOUBLE;
ALTER TABLE log.findings ADD COLUMN votes INTEGER;
CREATE OR REPLACE VIEW verdicts AS
    SELECT * FROM log.verdicts WHERE attempt_id IN (SELECT attempt_id FROM attempts WHERE state = 'ok');
CREATE OR REPLACE VIEW findings AS
    SELECT * FROM log.findings WHERE attempt_id IN (SELECT attempt_id FROM attempts WHERE state = 'ok');
"""
"""`present_share`: the share of a judge's votes that said present. `votes`: how many of them had the finding.
Both are null where the judge was asked once."""

DECISIONS = """
CREATE TABLE log.decisions (
    decision_id VARCHAR, created_at TIMESTAMP, annotator VARCHAR, trajectory_id VARCHAR,
    answer_sha256 VARCHAR, number VARCHAR, state VARCHAR, undoes VARCHAR, note VARCHAR);
CREATE VIEW decisions AS
    SELECT * EXCLUDE (undoes) FROM log.decisions
    WHERE undoes IS NULL
      AND decision_id NOT IN (SELECT undoes FROM log.decisions WHERE undoes IS NOT NULL)
    QUALIFY row_number() OVER (PARTITION BY trajectory_id, answer_sha256
                               ORDER BY created_at DESC, decision_id) = 1;
"""
"""What people decided of answers. The view has the decision that stands for each trajectory and answer: the
newest that no other event undoes."""

CALLS = """
CREATE TABLE log.replies (
    run_id VARCHAR, trajectory_id VARCHAR, reasoning_sha256 VARCHAR, start_char INTEGER, end_char INTEGER,
    vote INTEGER, text VARCHAR, input_tokens BIGINT, cached_tokens BIGINT, output_tokens BIGINT,
    cost_usd DOUBLE, created_at TIMESTAMP);
CREATE TABLE log.batches (
    batch_key VARCHAR, run_id VARCHAR, state VARCHAR, batch_id VARCHAR, trajectories JSON,
    expected_usd DOUBLE, created_at TIMESTAMP);
CREATE VIEW replies AS
    SELECT r.*, EXISTS (FROM log.attempts a WHERE a.run_id = r.run_id AND a.trajectory_id = r.trajectory_id
                        AND a.created_at >= r.created_at) AS counted
    FROM log.replies r;
CREATE VIEW batches AS
    SELECT batch_key, any_value(run_id) AS run_id, arg_max(state, created_at) AS state,
           any_value(batch_id) AS batch_id, any_value(trajectories) AS trajectories,
           any_value(expected_usd) AS expected_usd, min(created_at) AS created_at
    FROM log.batches GROUP BY batch_key;
"""
"""`replies`: readable replies of attempts that take several calls (windows, votes), kept so that none is asked for
again; `counted` where an attempt has ended since, whose tokens and cost hold theirs. `batches`: what became of each
batch of calls, an event a row: prepared, submitted, collected, dropped."""

QUEUES = """
ALTER TABLE log.label_events ADD COLUMN repeat INTEGER;
CREATE OR REPLACE VIEW label_events AS
    SELECT * FROM log.label_events
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY created_at) = 1;
CREATE TABLE log.queues (queue_id VARCHAR, created_at TIMESTAMP, made_by VARCHAR, settings JSON);
CREATE TABLE log.queue_items (
    queue_id VARCHAR, trajectory_id VARCHAR, probability DOUBLE, reason VARCHAR, people INTEGER);
CREATE VIEW queues AS FROM log.queues;
CREATE VIEW queue_items AS FROM log.queue_items;
"""
"""`repeat`: 1 where somebody labels a trace a second time, to be measured against themself; 0 or null the first time.
`queue_items`: a row for each trajectory that a queue could draw, with its inclusion probability; `reason` and
`people` (how many shall label it) are null where it was not drawn. The newest queue is the one that is worked on."""

INGESTS = """
ALTER TABLE log.quarantine ADD COLUMN file VARCHAR;
CREATE TABLE log.ingests (file VARCHAR, source VARCHAR, created_at TIMESTAMP);
CREATE VIEW ingests AS FROM log.ingests;
CREATE OR REPLACE VIEW quarantine AS
    SELECT source, line, reason, excerpt, max(created_at) AS created_at
    FROM log.quarantine q
    WHERE NOT EXISTS (FROM log.ingests i WHERE i.file = q.file AND i.created_at > q.created_at)
      AND NOT EXISTS (FROM log.retractions r WHERE r.source = q.source AND r.created_at >= q.created_at)
    GROUP BY source, line, reason, excerpt;
"""
"""`ingests`: when each file that was read to its end was begun; `quarantine` shows what the newest one set aside."""

CUTS = """
CREATE TABLE log.cuts (
    row_id UBIGINT, trajectory_id VARCHAR, segmentation VARCHAR, message INTEGER[], start_char INTEGER[],
    end_char INTEGER[]);
INSERT INTO log.cuts
    SELECT row_id, any_value(trajectory_id), segmentation, list(message ORDER BY segment),
           list(start_char ORDER BY segment), list(end_char ORDER BY segment)
    FROM log.segments GROUP BY row_id, segmentation;
DROP VIEW segments;
DROP TABLE log.segments;
CREATE VIEW log.segments AS
    SELECT row_id, trajectory_id, segmentation, unnest(range(len(start_char)))::INTEGER AS segment,
           unnest(message) AS message, unnest(start_char) AS start_char, unnest(end_char) AS end_char
    FROM log.cuts;
CREATE VIEW segments AS
    SELECT row_id, trajectory_id, segmentation, unnest(range(len(start_char)))::INTEGER AS segment,
           unnest(message) AS message, unnest(start_char) AS start_char, unnest(end_char) AS end_char
    FROM log.cuts WHERE row_id IN (SELECT row_id FROM trajectories);
"""
"""`cuts`: the segments of a text as lists, a row a text: a store has a hundred times as many segments as texts."""

FINISHED = """
ALTER TABLE log.ingests ADD COLUMN way VARCHAR;
ALTER TABLE log.ingests ADD COLUMN sha256 VARCHAR;
ALTER TABLE log.ingests ADD COLUMN counts JSON;
CREATE OR REPLACE VIEW ingests AS FROM log.ingests;
"""
"""`way`: a hash of how a file was read; `sha256`: of its bytes, null where it changed meanwhile or something of it was
refused; `counts`: of its items."""

CLUSTERINGS = """
CREATE TABLE log.clusterings (
    clustering_id VARCHAR, unit VARCHAR, embedder VARCHAR, config JSON, texts BIGINT, size BIGINT,
    created_at TIMESTAMP);
CREATE TABLE log.cluster_titles (
    clustering_id VARCHAR, cluster INTEGER, title VARCHAR, model VARCHAR, created_at TIMESTAMP);
ALTER TABLE log.clusters ADD COLUMN texts BIGINT;
ALTER TABLE log.clusters ADD COLUMN terms JSON;
ALTER TABLE log.cluster_members ADD COLUMN reasoning_sha256 VARCHAR;
ALTER TABLE log.cluster_members ADD COLUMN text_sha256 VARCHAR;
CREATE VIEW clusterings AS
    SELECT * FROM log.clusterings QUALIFY row_number() OVER (PARTITION BY clustering_id ORDER BY created_at) = 1;
CREATE VIEW cluster_titles AS
    SELECT clustering_id, cluster, arg_max(title, created_at) AS title, arg_max(model, created_at) AS model
    FROM log.cluster_titles GROUP BY clustering_id, cluster;
CREATE OR REPLACE VIEW embeddings AS
    SELECT text_sha256, embedder, any_value(vector) AS vector FROM log.embeddings GROUP BY text_sha256, embedder;
CREATE OR REPLACE VIEW clusters AS
    SELECT c.*, t.title FROM log.clusters c LEFT JOIN cluster_titles t USING (clustering_id, cluster)
    QUALIFY row_number() OVER (PARTITION BY c.clustering_id, c.cluster ORDER BY c.created_at) = 1;
CREATE OR REPLACE VIEW cluster_members AS
    SELECT DISTINCT m.* FROM log.cluster_members m SEMI JOIN trajectories t USING (trajectory_id, reasoning_sha256);
"""
"""`clusterings`: a row for each time that texts were clustered; `texts` counts different ones, `size` all of them.
Cluster -1 holds what belongs nowhere. `cluster_members` has those whose text is still the one that was read."""

TURNS = """
CREATE VIEW turns AS
    SELECT row_id, trajectory_id, message, said.reasoning_state AS reasoning_state,
           coalesce(said.reasoning, substring(whole, said.reasoning_start + 1,
                                              said.reasoning_end - said.reasoning_start)) AS reasoning
    FROM (SELECT row_id, trajectory_id, whole, unnest(list) AS said, unnest(range(len(list)))::INTEGER AS message
          FROM (SELECT row_id, trajectory_id, reasoning AS whole, from_json(messages,
                    '[{"reasoning": "VARCHAR", "reasoning_state": "VARCHAR",
                       "reasoning_start": "INTEGER", "reasoning_end": "INTEGER"}]') AS list
                FROM trajectories))
    WHERE said.reasoning_state IS NOT NULL;
"""
"""`turns`: the reasoning of each message that could have one. `messages` as they are stored from here on have
`reasoning_start` and `reasoning_end` in its place: where it stands in the trajectory's, in code points."""

MIGRATIONS: list[str] = [
    TABLES + VIEWS, VOTES, DECISIONS, CALLS, QUEUES, INGESTS, CUTS, FINISHED, CLUSTERINGS, TURNS,
]  # fmt: skip
"""Migration n is `MIGRATIONS[n - 1]`. One that has been released is never edited: a change is a new one."""
