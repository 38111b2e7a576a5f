//! `lastmile-hub`: the reference hub on one machine.

fn main() {}
