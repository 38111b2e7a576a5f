//! Lastmile core.
