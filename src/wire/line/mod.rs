//! The line protocol: `|START|KEY=VALUE|...|END|`.
