//! The log on a real Kafka broker: what the shared contract asks, and what only a cluster can do
//! (fencing between processes, take-over after a kill, a broker that goes away and comes back).

#[path = "kafka/faults.rs"]
mod faults;
#[path = "kafka/following.rs"]
mod following;
#[path = "kafka/shards.rs"]
mod shards;
#[path = "kafka/support.rs"]
mod support;
