-- A hub's PostgreSQL database of revision 0002, as pg_dump 15 wrote it. Invented people.
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: about; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.about (
    name character varying(40) NOT NULL,
    value text NOT NULL
);


--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: assignments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.assignments (
    scheme character varying(16) NOT NULL,
    number character varying(40) NOT NULL,
    role text,
    valid_from character varying(10),
    valid_until character varying(10),
    training boolean NOT NULL,
    listed boolean NOT NULL,
    groups text NOT NULL
);


--
-- Name: cards; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.cards (
    scheme character varying(16) NOT NULL,
    number character varying(40) NOT NULL,
    person uuid NOT NULL,
    employer character varying(9) NOT NULL,
    expiry character varying(10),
    status character varying(16) NOT NULL
);


--
-- Name: chain_breaks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chain_breaks (
    gate character varying(40) NOT NULL,
    epoch character varying(16) NOT NULL,
    seq bigint NOT NULL,
    expected bytea NOT NULL,
    found bytea NOT NULL,
    at_ms bigint NOT NULL
);


--
-- Name: clock_corrections; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clock_corrections (
    gate character varying(40) NOT NULL,
    epoch character varying(16) NOT NULL,
    boot character varying(64) NOT NULL,
    seq bigint NOT NULL,
    offset_ms bigint NOT NULL
);


--
-- Name: companies; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.companies (
    organisation_number character varying(9) NOT NULL,
    name text,
    approved boolean NOT NULL
);


--
-- Name: counters; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.counters (
    name character varying(40) NOT NULL,
    value bigint NOT NULL
);


--
-- Name: events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events (
    id uuid NOT NULL,
    gate character varying(40) NOT NULL,
    epoch character varying(16) NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    time_ms bigint,
    scheme character varying(16),
    number character varying(40),
    lane text,
    direction text,
    reason text,
    badge text,
    body bytea NOT NULL,
    hash bytea NOT NULL,
    previous bytea NOT NULL,
    received_ms bigint NOT NULL
);


--
-- Name: gates; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gates (
    gate character varying(40) NOT NULL,
    status bytea NOT NULL,
    seen_ms bigint NOT NULL,
    instances text NOT NULL,
    conflicts integer NOT NULL,
    conflict_ms bigint
);


--
-- Name: journals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.journals (
    gate character varying(40) NOT NULL,
    epoch character varying(16) NOT NULL,
    through bigint NOT NULL,
    through_hash bytea NOT NULL,
    highest bigint NOT NULL,
    stored bigint NOT NULL,
    first_seen_ms bigint NOT NULL
);


--
-- Name: people; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.people (
    id uuid NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    date_of_birth character varying(10),
    language character varying(2)
);


--
-- Name: permits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.permits (
    scheme character varying(16) NOT NULL,
    number character varying(40) NOT NULL,
    standing character varying(32) NOT NULL,
    valid_from character varying(10),
    valid_until character varying(10),
    card_expiry character varying(10),
    employer character varying(9),
    language character varying(2),
    groups text NOT NULL
);


--
-- Name: presence; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.presence (
    scheme character varying(16) NOT NULL,
    number character varying(40) NOT NULL,
    time_ms bigint NOT NULL,
    gate character varying(40) NOT NULL,
    epoch character varying(16) NOT NULL,
    seq bigint NOT NULL,
    direction character varying(8) NOT NULL,
    lane text,
    certainty character varying(16) NOT NULL,
    uid character varying(20),
    zone text NOT NULL,
    change bigint NOT NULL
);


--
-- Name: quarantine; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.quarantine (
    id bigint NOT NULL,
    topic text NOT NULL,
    payload bytea NOT NULL,
    size integer NOT NULL,
    why text NOT NULL,
    at_ms bigint NOT NULL
);


--
-- Name: quarantine_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: quarantine_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.quarantine_id_seq OWNED BY public.quarantine.id;


--
-- Name: revisions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.revisions (
    revision bigint NOT NULL,
    count integer NOT NULL,
    digest bytea NOT NULL,
    made_ms bigint NOT NULL
);


--
-- Name: suspicions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.suspicions (
    scheme character varying(16) NOT NULL,
    number character varying(40) NOT NULL,
    sign character varying(16) NOT NULL,
    gate character varying(40) NOT NULL,
    time_ms bigint NOT NULL,
    other_gate character varying(40) NOT NULL,
    other_time_ms bigint NOT NULL
);


--
-- Name: quarantine id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.quarantine ALTER COLUMN id SET DEFAULT nextval('public.quarantine_id_seq'::regclass);


--
-- Data for Name: about; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.about VALUES ('schema_version', '1');


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0002');


--
-- Data for Name: assignments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.assignments VALUES ('hms', '5310027', 'carpenter', '2026-01-05', '2027-06-30', true, true, '');
INSERT INTO public.assignments VALUES ('hms', '5310035', 'carpenter', '2026-01-05', '2027-06-30', true, true, '');
INSERT INTO public.assignments VALUES ('hms', '5310118', 'electrician', '2026-02-02', NULL, true, true, '');
INSERT INTO public.assignments VALUES ('hms', '5310126', 'apprentice', '2026-02-02', NULL, false, true, '');
INSERT INTO public.assignments VALUES ('hms', '5310209', 'roofer', '2026-03-01', '2026-12-31', true, true, '');
INSERT INTO public.assignments VALUES ('hms', '5310217', 'driver', NULL, NULL, true, true, '');
INSERT INTO public.assignments VALUES ('hms', '5310225', 'cleaner', '2026-01-12', NULL, true, true, '');


--
-- Data for Name: cards; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.cards VALUES ('hms', '5310027', '4d8da584-fb9f-4164-8284-f092644a76f7', '310451274', '2027-09-30', 'ok');
INSERT INTO public.cards VALUES ('hms', '5310035', '1095ad6f-1bad-4660-bc36-427b3445491d', '310451274', '2027-03-31', 'ok');
INSERT INTO public.cards VALUES ('hms', '5310118', '84664625-967c-4159-a862-f5b21130222a', '312608332', '2027-11-30', 'ok');
INSERT INTO public.cards VALUES ('hms', '5310126', '40d1be41-b0e5-411c-af9a-66597a9da764', '312608332', '2026-12-31', 'ok');
INSERT INTO public.cards VALUES ('hms', '5310209', 'b6dca90b-9210-4f44-a3ba-2b84d1c83c49', '313917401', '2027-01-31', 'ok');
INSERT INTO public.cards VALUES ('hms', '5310217', '559dac8f-e21f-4c0a-9adb-70a26de6619e', '315772060', '2027-05-31', 'ok');
INSERT INTO public.cards VALUES ('hms', '5310225', '63874cd6-fde1-4a12-bb56-94d1b8bc5dd7', '310688126', '2027-08-31', 'blocked');


--
-- Data for Name: chain_breaks; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: clock_corrections; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: companies; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.companies VALUES ('310451274', 'Vinkel Bygg AS', true);
INSERT INTO public.companies VALUES ('312608332', 'Fagspor Elektro AS', true);
INSERT INTO public.companies VALUES ('313917401', 'Tre & Tak Montasje AS', true);
INSERT INTO public.companies VALUES ('315772060', 'Myrbakk Transport', false);
INSERT INTO public.companies VALUES ('310688126', 'Renhold i Høyden AS', true);


--
-- Data for Name: counters; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.counters VALUES ('events', 3);


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.events VALUES ('06a9af98-2667-5f06-9baa-703106fc29f7', 'north', '00000000000000aa', 1, 'passage.completed', 1780000001000, 'hms', '5310027', 'main', 'entry', NULL, NULL, '\x7b226964223a2230366139616639382d323636372d356630362d396261612d373033313036666332396637222c22736f75726365223a222f706f727476616b742f796172642f6e6f727468222c2274797065223a226e6f2e706f727476616b742e706173736167652e636f6d706c65746564222c2274696d65223a22323032362d30352d32385432303a32363a34312e3030305a222c2265706f6368223a2230303030303030303030303030306161222c22736571223a312c227072657668617368223a2230303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030222c2264617461223a7b22636c6f636b223a7b22626f6f74223a22626f6f74222c226d6f6e6f746f6e69635f6d73223a313030302c2274727573746564223a747275657d2c226c616e65223a226d61696e222c22646972656374696f6e223a22656e747279222c2263617264223a7b22736368656d65223a22686d73222c226e756d626572223a2235333130303237227d7d2c227370656376657273696f6e223a22312e30222c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e227d', '\x8df4e628b7fc36956dec0aa414b87c6e3bf2986fd9a9bff78077017bc9667d90', '\x0000000000000000000000000000000000000000000000000000000000000000', 1781500100000);
INSERT INTO public.events VALUES ('7354bdf4-1a87-5fbe-aadb-bf5ddf284cd7', 'north', '00000000000000aa', 2, 'passage.completed', 1780000002000, 'hms', '5310118', 'main', 'entry', NULL, NULL, '\x7b226964223a2237333534626466342d316138372d356662652d616164622d626635646466323834636437222c22736f75726365223a222f706f727476616b742f796172642f6e6f727468222c2274797065223a226e6f2e706f727476616b742e706173736167652e636f6d706c65746564222c2274696d65223a22323032362d30352d32385432303a32363a34322e3030305a222c2265706f6368223a2230303030303030303030303030306161222c22736571223a322c227072657668617368223a2238646634653632386237666333363935366465633061613431346238376336653362663239383666643961396266663738303737303137626339363637643930222c2264617461223a7b22636c6f636b223a7b22626f6f74223a22626f6f74222c226d6f6e6f746f6e69635f6d73223a323030302c2274727573746564223a747275657d2c226c616e65223a226d61696e222c22646972656374696f6e223a22656e747279222c2263617264223a7b22736368656d65223a22686d73222c226e756d626572223a2235333130313138227d7d2c227370656376657273696f6e223a22312e30222c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e227d', '\x88ae3580de447e6186ecb0c20586e41dd503ea0dc4abf44ca5476e284f4f32f7', '\x8df4e628b7fc36956dec0aa414b87c6e3bf2986fd9a9bff78077017bc9667d90', 1781500100000);
INSERT INTO public.events VALUES ('534bc100-1cd1-5e0a-b550-1042458b6221', 'north', '00000000000000aa', 3, 'passage.completed', 1780000003000, 'hms', '5310118', 'main', 'exit', NULL, NULL, '\x7b226964223a2235333462633130302d316364312d356530612d623535302d313034323435386236323231222c22736f75726365223a222f706f727476616b742f796172642f6e6f727468222c2274797065223a226e6f2e706f727476616b742e706173736167652e636f6d706c65746564222c2274696d65223a22323032362d30352d32385432303a32363a34332e3030305a222c2265706f6368223a2230303030303030303030303030306161222c22736571223a332c227072657668617368223a2238386165333538306465343437653631383665636230633230353836653431646435303365613064633461626634346361353437366532383466346633326637222c2264617461223a7b22636c6f636b223a7b22626f6f74223a22626f6f74222c226d6f6e6f746f6e69635f6d73223a333030302c2274727573746564223a747275657d2c226c616e65223a226d61696e222c22646972656374696f6e223a2265786974222c2263617264223a7b22736368656d65223a22686d73222c226e756d626572223a2235333130313138227d7d2c227370656376657273696f6e223a22312e30222c2264617461636f6e74656e7474797065223a226170706c69636174696f6e2f6a736f6e227d', '\x5c8cfbfdceab738bcc0d79414838073daba09b0e9eb6cb52670a18f8cec07b9a', '\x88ae3580de447e6186ecb0c20586e41dd503ea0dc4abf44ca5476e284f4f32f7', 1781500100000);


--
-- Data for Name: gates; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: journals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.journals VALUES ('north', '00000000000000aa', 3, '\x5c8cfbfdceab738bcc0d79414838073daba09b0e9eb6cb52670a18f8cec07b9a', 3, 3, 1781500100000);


--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.people VALUES ('4d8da584-fb9f-4164-8284-f092644a76f7', 'Torbjørg', 'Åsnes', '1988-02-11', 'nb');
INSERT INTO public.people VALUES ('1095ad6f-1bad-4660-bc36-427b3445491d', 'Mikołaj', 'Wrzosek', '1979-11-23', 'pl');
INSERT INTO public.people VALUES ('84664625-967c-4159-a862-f5b21130222a', 'Rūta', 'Žilinskė', '1991-07-04', 'lt');
INSERT INTO public.people VALUES ('40d1be41-b0e5-411c-af9a-66597a9da764', 'Sander', 'Kvernhaug', '2004-05-29', 'nb');
INSERT INTO public.people VALUES ('b6dca90b-9210-4f44-a3ba-2b84d1c83c49', 'Ileana', 'Brădescu', '1985-12-15', 'ro');
INSERT INTO public.people VALUES ('559dac8f-e21f-4c0a-9adb-70a26de6619e', 'Oddvar', 'Myrbakk', '1966-08-08', 'nb');
INSERT INTO public.people VALUES ('63874cd6-fde1-4a12-bb56-94d1b8bc5dd7', 'Eleanor', 'Whitcombe', '1994-03-17', 'en');


--
-- Data for Name: permits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.permits VALUES ('hms', '5310027', 'granted', '2026-01-05', '2027-06-30', '2027-09-30', '310451274', 'nb', '');
INSERT INTO public.permits VALUES ('hms', '5310035', 'granted', '2026-01-05', '2027-06-30', '2027-03-31', '310451274', 'pl', '');
INSERT INTO public.permits VALUES ('hms', '5310118', 'granted', '2026-02-02', NULL, '2027-11-30', '312608332', 'lt', '');
INSERT INTO public.permits VALUES ('hms', '5310126', 'training_missing', '2026-02-02', NULL, '2026-12-31', '312608332', 'nb', '');
INSERT INTO public.permits VALUES ('hms', '5310209', 'granted', '2026-03-01', '2026-12-31', '2027-01-31', '313917401', 'ro', '');
INSERT INTO public.permits VALUES ('hms', '5310217', 'company_not_approved', NULL, NULL, '2027-05-31', '315772060', 'nb', '');
INSERT INTO public.permits VALUES ('hms', '5310225', 'blocked', '2026-01-12', NULL, '2027-08-31', '310688126', 'en', '');


--
-- Data for Name: presence; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.presence VALUES ('hms', '5310027', 1780000001000, 'north', '00000000000000aa', 1, 'entry', 'main', 'certain', NULL, 'site', 1);
INSERT INTO public.presence VALUES ('hms', '5310118', 1780000003000, 'north', '00000000000000aa', 3, 'exit', 'main', 'certain', NULL, '', 1);


--
-- Data for Name: quarantine; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: revisions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.revisions VALUES (1, 7, '\xa31591cba19dd93effc77a03b84aa9cbb98efdaf02fa884b210aa4240ba06629', 1781500000000);


--
-- Data for Name: suspicions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Name: quarantine_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.quarantine_id_seq', 1, false);


--
-- Name: about about_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.about
    ADD CONSTRAINT about_pkey PRIMARY KEY (name);


--
-- Name: alembic_version alembic_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkey PRIMARY KEY (version_num);


--
-- Name: assignments assignments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_pkey PRIMARY KEY (scheme, number);


--
-- Name: cards cards_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_pkey PRIMARY KEY (scheme, number);


--
-- Name: chain_breaks chain_breaks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chain_breaks
    ADD CONSTRAINT chain_breaks_pkey PRIMARY KEY (gate, epoch, seq);


--
-- Name: clock_corrections clock_corrections_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clock_corrections
    ADD CONSTRAINT clock_corrections_pkey PRIMARY KEY (gate, epoch, boot);


--
-- Name: companies companies_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.companies
    ADD CONSTRAINT companies_pkey PRIMARY KEY (organisation_number);


--
-- Name: counters counters_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.counters
    ADD CONSTRAINT counters_pkey PRIMARY KEY (name);


--
-- Name: events events_gate_epoch_seq_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_gate_epoch_seq_key UNIQUE (gate, epoch, seq);


--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);


--
-- Name: gates gates_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gates
    ADD CONSTRAINT gates_pkey PRIMARY KEY (gate);


--
-- Name: journals journals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.journals
    ADD CONSTRAINT journals_pkey PRIMARY KEY (gate, epoch);


--
-- Name: people people_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id);


--
-- Name: permits permits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.permits
    ADD CONSTRAINT permits_pkey PRIMARY KEY (scheme, number);


--
-- Name: presence presence_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.presence
    ADD CONSTRAINT presence_pkey PRIMARY KEY (scheme, number);


--
-- Name: quarantine quarantine_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (id);


--
-- Name: revisions revisions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_pkey PRIMARY KEY (revision);


--
-- Name: suspicions suspicions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.suspicions
    ADD CONSTRAINT suspicions_pkey PRIMARY KEY (scheme, number, sign, gate, time_ms);


--
-- Name: events_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_by_time ON public.events USING btree (time_ms);


--
-- Name: ix_cards_person; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_cards_person ON public.cards USING btree (person);


--
-- Name: ix_presence_change; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_presence_change ON public.presence USING btree (change);


--
-- Name: suspicions_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX suspicions_by_time ON public.suspicions USING btree (time_ms);


--
-- Name: assignments assignments_scheme_number_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_scheme_number_fkey FOREIGN KEY (scheme, number) REFERENCES public.cards(scheme, number);


--
-- Name: cards cards_employer_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_employer_fkey FOREIGN KEY (employer) REFERENCES public.companies(organisation_number);


--
-- Name: cards cards_person_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_person_fkey FOREIGN KEY (person) REFERENCES public.people(id);


--
-- PostgreSQL database dump complete
--


