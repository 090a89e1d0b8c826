"""What all data sets share: checks, annotation files, metainfo."""
