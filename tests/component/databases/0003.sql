BEGIN TRANSACTION;
CREATE TABLE acknowledgements (
	id INTEGER NOT NULL, 
	incident_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	"by" TEXT NOT NULL, 
	note TEXT NOT NULL, 
	CONSTRAINT pk_acknowledgements PRIMARY KEY (id), 
	CONSTRAINT fk_acknowledgements_incident_id_incidents FOREIGN KEY(incident_id) REFERENCES incidents (id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE alerts (
	id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	alertname TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	status TEXT NOT NULL, 
	labels JSON NOT NULL, 
	annotations JSON NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME, 
	received_at DATETIME NOT NULL, 
	last_seen_at DATETIME NOT NULL, 
	repeats INTEGER NOT NULL, 
	flaps INTEGER NOT NULL, 
	incident_id INTEGER NOT NULL, 
	generator_url TEXT NOT NULL, 
	source_url TEXT NOT NULL, 
	reporter TEXT NOT NULL, 
	held_until DATETIME, 
	expires_at DATETIME, 
	suppressed TEXT, 
	absent_since DATETIME, 
	CONSTRAINT pk_alerts PRIMARY KEY (id), 
	CONSTRAINT fk_alerts_incident_id_incidents FOREIGN KEY(incident_id) REFERENCES incidents (id), 
	CONSTRAINT uq_alerts_source_fingerprint_starts_at UNIQUE (source, fingerprint, starts_at)
);
INSERT INTO "alerts" VALUES(1,'alertmanager','c101f6217df6b04b','ApiDown','critical','firing','{"alertname":"ApiDown","instance":"api-1","severity":"critical"}','{"summary":"api-1 is down"}','2026-11-22 10:00:00.000000',NULL,'2026-11-28 16:14:08.386982','2026-11-28 16:14:10.540107',1,0,1,'http://127.0.0.1:9090/graph','http://127.0.0.1:9093','Prometheus',NULL,NULL,NULL,NULL);
INSERT INTO "alerts" VALUES(2,'alertmanager','51d49d59370c598c','ApiDown','critical','firing','{"alertname":"ApiDown","instance":"api-2","severity":"critical"}','{"summary":"api-2 is down"}','2026-11-22 10:00:00.000000',NULL,'2026-11-28 16:14:08.386982','2026-11-28 16:14:08.386982',0,0,1,'http://127.0.0.1:9090/graph','http://127.0.0.1:9093','Prometheus',NULL,NULL,NULL,NULL);
INSERT INTO "alerts" VALUES(3,'alertmanager','081dba847b32291a','DiskFull','warning','resolved','{"alertname":"DiskFull","instance":"db-1","severity":"warning"}','{"summary":"db-1 is down"}','2026-11-22 10:00:00.000000','2026-11-22 10:30:00.000000','2026-11-28 16:14:08.491044','2026-11-28 16:14:10.525301',0,0,2,'http://127.0.0.1:9090/graph','http://127.0.0.1:9093','Prometheus',NULL,NULL,NULL,NULL);
INSERT INTO "alerts" VALUES(4,'events','24794c77a2618c5e','TrainingFailure','critical','firing','{"alertname":"TrainingFailure","component":"training","dag_id":"monitor_and_fine_tune","model_type":"rf","severity":"critical"}','{"description":"no rows","run_id":"weekly-1","summary":"A training failed"}','2026-11-22 10:00:00.000000',NULL,'2026-11-28 16:14:10.552673','2026-11-28 16:14:10.552673',0,0,3,'','','Airflow monitor_and_fine_tune',NULL,NULL,NULL,NULL);
CREATE TABLE cards (
	id INTEGER NOT NULL, 
	incident_id INTEGER, 
	digest_id INTEGER, 
	mirrors_rev INTEGER, 
	folded_into INTEGER, 
	channel TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	priority INTEGER NOT NULL, 
	wanted_rev INTEGER NOT NULL, 
	due_at DATETIME, 
	waiting_since DATETIME, 
	attempts INTEGER NOT NULL, 
	degraded INTEGER NOT NULL, 
	lease TEXT, 
	lease_until DATETIME, 
	message_id TEXT, 
	message_url TEXT, 
	sent_hash TEXT, 
	sent_body JSON, 
	sent_at DATETIME, 
	edited BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	error TEXT, 
	CONSTRAINT pk_cards PRIMARY KEY (id), 
	CONSTRAINT ck_cards_one_subject CHECK ((incident_id IS NULL) <> (digest_id IS NULL)), 
	CONSTRAINT fk_cards_digest_id_digests FOREIGN KEY(digest_id) REFERENCES digests (id), 
	CONSTRAINT fk_cards_folded_into_digests FOREIGN KEY(folded_into) REFERENCES digests (id), 
	CONSTRAINT fk_cards_incident_id_incidents FOREIGN KEY(incident_id) REFERENCES incidents (id), 
	CONSTRAINT uq_cards_digest_id UNIQUE (digest_id), 
	CONSTRAINT uq_cards_incident_id_channel_generation UNIQUE (incident_id, channel, generation)
);
INSERT INTO "cards" VALUES(1,1,NULL,NULL,NULL,'preview',1,'delivered',3,1,NULL,NULL,0,0,NULL,NULL,'preview',NULL,'cbdac2a605d05ffb1bed17068e577fc369f32ea451541fcb6f720db2dd331069','{"allowed_mentions":{"parse":[]},"components":[{"components":[{"label":"History","style":5,"type":2,"url":"http://127.0.0.1:8010/alerts/2"},{"label":"Graph","style":5,"type":2,"url":"http://127.0.0.1:9090/graph"},{"label":"Silence","style":5,"type":2,"url":"http://127.0.0.1:9093/#/silences/new?filter=%7Balertname%3D%22ApiDown%22%2Cinstance%3D%22api-2%22%2Cseverity%3D%22critical%22%7D"}],"type":1}],"content":"","embeds":[{"color":15026253,"description":"**api-2 is down**\n🔴 `instance=api-2` api-2 is down (<t:1795341600:R>)\n🔴 `instance=api-1` api-1 is down (<t:1795341600:R>)","fields":[{"inline":true,"name":"Firing since","value":"<t:1795341600:R>"},{"inline":true,"name":"Severity","value":"critical"},{"inline":true,"name":"Reported by","value":"Prometheus"}],"footer":{"text":"alert-router · incident 1"},"timestamp":"2026-11-28T16:14:08.386982+00:00","title":"🔴 ApiDown – 2 firing"}]}','2026-11-28 16:14:08.561372',0,'2026-11-28 16:14:08.386982',NULL);
INSERT INTO "cards" VALUES(2,2,NULL,NULL,NULL,'preview',1,'delivered',3,2,NULL,NULL,0,0,NULL,NULL,'preview',NULL,'bed66d779229ab9a47878818512969e7808da81bbba04a1edf142144d870070b','{"allowed_mentions":{"parse":[]},"components":[{"components":[{"label":"History","style":5,"type":2,"url":"http://127.0.0.1:8010/alerts/3"},{"label":"Graph","style":5,"type":2,"url":"http://127.0.0.1:9090/graph"}],"type":1}],"content":"","embeds":[{"color":3187820,"description":"**db-1 is down**","fields":[{"inline":true,"name":"Resolved","value":"<t:1795343400:R>"},{"inline":true,"name":"Lasted","value":"30 min"},{"inline":true,"name":"Severity","value":"warning"},{"inline":true,"name":"Reported by","value":"Prometheus"},{"inline":true,"name":"instance","value":"db-1"}],"footer":{"text":"alert-router · incident 2"},"timestamp":"2026-11-28T16:14:08.491044+00:00","title":"🟢 DiskFull – resolved"}]}','2026-11-28 16:14:10.544870',1,'2026-11-28 16:14:08.491044',NULL);
INSERT INTO "cards" VALUES(3,3,NULL,NULL,NULL,'preview',1,'delivered',3,1,NULL,NULL,0,0,NULL,NULL,'preview',NULL,'e680d1fba736a4ad28f653d4c880c7b0965a24084e76f82b7760c2788f5a55ed','{"allowed_mentions":{"parse":[]},"components":[{"components":[{"label":"History","style":5,"type":2,"url":"http://127.0.0.1:8010/alerts/4"}],"type":1}],"content":"","embeds":[{"color":15026253,"description":"**A training failed**\nno rows","fields":[{"inline":true,"name":"Firing since","value":"<t:1795341600:R>"},{"inline":true,"name":"Severity","value":"critical"},{"inline":true,"name":"Reported by","value":"Airflow monitor\\_and\\_fine\\_tune"},{"inline":true,"name":"component","value":"training"},{"inline":true,"name":"dag\\_id","value":"monitor\\_and\\_fine\\_tune"},{"inline":true,"name":"model\\_type","value":"rf"}],"footer":{"text":"alert-router · incident 3"},"timestamp":"2026-11-28T16:14:10.552673+00:00","title":"🔴 TrainingFailure"}]}','2026-11-28 16:14:10.568781',0,'2026-11-28 16:14:10.552673',NULL);
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	card_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	channel TEXT NOT NULL, 
	action TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	status INTEGER, 
	message_id TEXT, 
	took_ms INTEGER NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_deliveries PRIMARY KEY (id), 
	CONSTRAINT fk_deliveries_card_id_cards FOREIGN KEY(card_id) REFERENCES cards (id)
);
INSERT INTO "deliveries" VALUES(1,1,'2026-11-28 16:14:08.561372','preview','create','sent',NULL,'preview',0,'');
INSERT INTO "deliveries" VALUES(2,2,'2026-11-28 16:14:08.606098','preview','create','sent',NULL,'preview',0,'');
INSERT INTO "deliveries" VALUES(3,2,'2026-11-28 16:14:10.544870','preview','edit','sent',NULL,'preview',0,'');
INSERT INTO "deliveries" VALUES(4,3,'2026-11-28 16:14:10.568781','preview','create','sent',NULL,'preview',0,'');
CREATE TABLE digests (
	id INTEGER NOT NULL, 
	channel TEXT NOT NULL, 
	began_at DATETIME NOT NULL, 
	last_folded_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_digests PRIMARY KEY (id)
);
CREATE TABLE heartbeats (
	source TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_heartbeats PRIMARY KEY (source)
);
INSERT INTO "heartbeats" VALUES('alertmanager','2026-11-28 16:14:10.534077');
CREATE TABLE incidents (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	group_labels JSON NOT NULL, 
	status TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	firing INTEGER NOT NULL, 
	flaps INTEGER NOT NULL, 
	opened_at DATETIME NOT NULL, 
	resolved_at DATETIME, 
	generation INTEGER NOT NULL, 
	pinged_at DATETIME NOT NULL, 
	acknowledged_at DATETIME, 
	acknowledged_by TEXT, 
	previous_id INTEGER, 
	CONSTRAINT pk_incidents PRIMARY KEY (id)
);
INSERT INTO "incidents" VALUES(1,'{"alertname":"ApiDown"}','{"alertname":"ApiDown"}','firing','critical',2,0,'2026-11-28 16:14:08.386982',NULL,1,'2026-11-28 16:14:08.386982',NULL,NULL,NULL);
INSERT INTO "incidents" VALUES(2,'{"alertname":"DiskFull"}','{"alertname":"DiskFull"}','resolved','warning',0,0,'2026-11-28 16:14:08.491044','2026-11-28 16:14:10.525301',1,'2026-11-28 16:14:08.491044',NULL,NULL,NULL);
INSERT INTO "incidents" VALUES(3,'{"alertname":"TrainingFailure","model_type":"rf"}','{"alertname":"TrainingFailure","model_type":"rf"}','firing','critical',1,0,'2026-11-28 16:14:10.552673',NULL,1,'2026-11-28 16:14:10.552673',NULL,NULL,NULL);
CREATE TABLE paces (
	channel TEXT NOT NULL, 
	remaining INTEGER NOT NULL, 
	until DATETIME NOT NULL, 
	noted_at DATETIME NOT NULL, 
	CONSTRAINT pk_paces PRIMARY KEY (channel)
);
CREATE TABLE quarantine (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	source TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	body BLOB NOT NULL, 
	resolved_at DATETIME, 
	CONSTRAINT pk_quarantine PRIMARY KEY (id)
);
INSERT INTO "quarantine" VALUES(1,'2026-11-28 16:14:10.540107','alertmanager','alerts.1.labels: Field required; alerts.1.startsAt: Field required',X'7B22737461747573223A22666972696E67227D',NULL);
CREATE TABLE receivers (
	name TEXT NOT NULL, 
	heard_at DATETIME NOT NULL, 
	CONSTRAINT pk_receivers PRIMARY KEY (name)
);
INSERT INTO "receivers" VALUES('router','2026-11-28 16:14:08.386982');
CREATE TABLE transitions (
	id INTEGER NOT NULL, 
	alert_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	kind TEXT NOT NULL, 
	source TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	event_key TEXT, 
	CONSTRAINT pk_transitions PRIMARY KEY (id), 
	CONSTRAINT fk_transitions_alert_id_alerts FOREIGN KEY(alert_id) REFERENCES alerts (id), 
	CONSTRAINT uq_transitions_event_key UNIQUE (event_key)
);
INSERT INTO "transitions" VALUES(1,1,'2026-11-28 16:14:08.386982','opened','alertmanager','Prometheus',NULL);
INSERT INTO "transitions" VALUES(2,2,'2026-11-28 16:14:08.386982','opened','alertmanager','Prometheus',NULL);
INSERT INTO "transitions" VALUES(3,3,'2026-11-28 16:14:08.491044','opened','alertmanager','Prometheus',NULL);
INSERT INTO "transitions" VALUES(4,3,'2026-11-28 16:14:10.525301','resolved','alertmanager','Prometheus',NULL);
INSERT INTO "transitions" VALUES(5,4,'2026-11-28 16:14:10.552673','opened','events','Airflow monitor_and_fine_tune','training_failure:monitor_and_fine_tune:weekly-1:rf');
CREATE UNIQUE INDEX ix_digests_open ON digests (channel) WHERE ended_at IS NULL;
CREATE INDEX ix_incidents_key_id ON incidents ("key", id);
CREATE INDEX ix_incidents_pinged_at ON incidents (pinged_at) WHERE status = 'firing';
CREATE INDEX ix_acknowledgements_incident_id ON acknowledgements (incident_id);
CREATE INDEX ix_alerts_alertname_id ON alerts (alertname, id);
CREATE INDEX ix_alerts_expires_at ON alerts (expires_at) WHERE expires_at IS NOT NULL AND status = 'firing';
CREATE INDEX ix_alerts_held_until ON alerts (held_until) WHERE held_until IS NOT NULL;
CREATE INDEX ix_alerts_incident_id_id ON alerts (incident_id, id);
CREATE INDEX ix_alerts_starts_at_id ON alerts (starts_at, id);
CREATE INDEX ix_alerts_status_severity_alertname_id ON alerts (status, severity, alertname, id);
CREATE INDEX ix_cards_due ON cards (channel, priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ix_cards_folded_into ON cards (folded_into) WHERE folded_into IS NOT NULL;
CREATE INDEX ix_cards_state ON cards (state);
CREATE INDEX ix_deliveries_card_id_id ON deliveries (card_id, id);
CREATE INDEX ix_deliveries_channel_at ON deliveries (channel, at);
CREATE INDEX ix_transitions_alert_id_id ON transitions (alert_id, id);
CREATE INDEX ix_cards_leased ON cards (channel) WHERE lease IS NOT NULL;
CREATE INDEX ix_cards_mirrors ON cards (channel) WHERE mirrors_rev IS NOT NULL;
COMMIT;
