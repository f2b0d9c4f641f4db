//! The options of the clients for topics that are not Footfall's.

use rdkafka::ClientConfig;

use crate::kafka::settings::Settings;

impl Settings {
    /// Large fetches: the topic is read from end to end, by one thread, as quick as it can be had.
    pub(in crate::kafka) fn foreign_reader(&self, run: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", self.group(run))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.min.bytes", "1000000")
            .set("fetch.wait.max.ms", "20")
            .set("max.partition.fetch.bytes", "4000000")
            .set("queued.min.messages", "100000")
            .set("queued.max.messages.kbytes", "32768")
            .set("fetch.queue.backoff.ms", "10");
        self.finish(&mut config)
    }

    pub(in crate::kafka) fn foreign_writer(&self, run: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", self.group(run))
            .set("transaction.timeout.ms", self.transaction_timeout_ms.to_string())
            .set("message.timeout.ms", self.transaction_timeout_ms.to_string())
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("retry.backoff.ms", "10");
        self.finish(&mut config)
    }

    pub(in crate::kafka) fn foreign_filler(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "20")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "500000")
            .set("queue.buffering.max.kbytes", "262144");
        self.finish(&mut config)
    }
}
