//! The line protocol as one client speaks it.
