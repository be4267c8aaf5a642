//! Tests of the system as a whole: what its crates may depend on, and real processes under real use. Nothing else is in here.
