-- People are read FINAL, which is fastest on one part: once nothing was written for a minute, all of it is merged.
ALTER TABLE contacts MODIFY SETTING min_age_to_force_merge_seconds = 60, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE members MODIFY SETTING min_age_to_force_merge_seconds = 60, min_age_to_force_merge_on_partition_only = 1;
