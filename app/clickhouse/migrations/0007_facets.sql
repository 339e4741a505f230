-- Attributes in a form that segments can compare: name -> text of the value. Values that are null are not there.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS facets Map(LowCardinality(String), String)
    MATERIALIZED CAST(JSONExtractKeysAndValues(attributes, 'String'), 'Map(LowCardinality(String), String)');

ALTER TABLE contacts MATERIALIZE COLUMN facets;
