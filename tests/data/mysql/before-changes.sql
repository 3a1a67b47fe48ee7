-- SPDX-License-Identifier: MIT
CREATE TABLE `currency_gross` (
  `currency` varchar(3) NOT NULL,
  `gross` decimal(19,4) NOT NULL,
  PRIMARY KEY (`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `currency_gross` (`currency`, `gross`) VALUES ('EUR',15.5000),
('USD',32.9000);
CREATE TABLE `pipeline_batches` (
  `batch_id` bigint(20) NOT NULL,
  `committed_at` datetime(3) NOT NULL,
  `received` bigint(20) NOT NULL,
  `accepted` bigint(20) NOT NULL,
  `duplicate` bigint(20) NOT NULL,
  `rejected` bigint(20) NOT NULL,
  `minute_min` int(11) DEFAULT NULL,
  `minute_max` int(11) DEFAULT NULL,
  PRIMARY KEY (`batch_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `pipeline_batches` (`batch_id`, `committed_at`, `received`, `accepted`, `duplicate`, `rejected`, `minute_min`, `minute_max`) VALUES (1,'2026-11-30 03:39:54.308',5,3,1,1,29497860,29497980);
CREATE TABLE `pipeline_lanes` (
  `lane` int(11) NOT NULL,
  `topic` varchar(249) NOT NULL,
  `partition` int(11) NOT NULL,
  `topic_id` varchar(36) NOT NULL,
  `next_offset` bigint(20) NOT NULL,
  PRIMARY KEY (`lane`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `pipeline_lanes` (`lane`, `topic`, `partition`, `topic_id`, `next_offset`) VALUES (0,'{topic}',0,'{topic_id}',-1),
(1,'{topic}',1,'{topic_id}',-1);
CREATE TABLE `pipeline_positions` (
  `topic` varchar(249) NOT NULL,
  `partition` int(11) NOT NULL,
  `next_offset` bigint(20) NOT NULL,
  `epoch` bigint(20) NOT NULL,
  `topic_id` varchar(36) NOT NULL,
  `lane` int(11) NOT NULL,
  `window_offset` bigint(20) NOT NULL,
  `window_ms` bigint(20) NOT NULL,
  PRIMARY KEY (`topic`,`partition`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `pipeline_positions` (`topic`, `partition`, `next_offset`, `epoch`, `topic_id`, `lane`, `window_offset`, `window_ms`) VALUES ('{topic}',0,-1,1796009994035000,'{topic_id}',0,-1,0),
('{topic}',1,5,1796009994107000,'{topic_id}',1,0,0);
CREATE TABLE `pipeline_refused` (
  `lane` int(11) NOT NULL,
  `offset` bigint(20) NOT NULL,
  PRIMARY KEY (`lane`,`offset`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `pipeline_settings` (
  `name` varchar(64) NOT NULL,
  `value` varchar(255) NOT NULL,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `pipeline_settings` (`name`, `value`) VALUES ('currency','USD'),
('late_limit_ms','600000'),
('schema_version','1'),
('timezone','America/New_York');
CREATE TABLE `pipeline_state` (
  `id` int(11) NOT NULL,
  `received` bigint(20) NOT NULL,
  `accepted` bigint(20) NOT NULL,
  `duplicate` bigint(20) NOT NULL,
  `rejected` bigint(20) NOT NULL,
  `rejected_expired` bigint(20) NOT NULL,
  `skipped` bigint(20) NOT NULL,
  `amounts_rounded` bigint(20) NOT NULL,
  `total_mismatch` bigint(20) NOT NULL,
  `quantity_zero` bigint(20) NOT NULL,
  `late` bigint(20) NOT NULL,
  `future` bigint(20) NOT NULL,
  `last_batch_id` bigint(20) NOT NULL,
  `minute_floor` int(11) NOT NULL,
  `hour_floor` int(11) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `pipeline_state` (`id`, `received`, `accepted`, `duplicate`, `rejected`, `rejected_expired`, `skipped`, `amounts_rounded`, `total_mismatch`, `quantity_zero`, `late`, `future`, `last_batch_id`, `minute_floor`, `hour_floor`) VALUES (1,5,3,1,1,0,0,0,0,0,3,0,1,29478240,482064);
CREATE TABLE `recent_orders` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `order_id` varchar(64) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `customer_id` varchar(64) DEFAULT NULL,
  `discount` decimal(19,4) NOT NULL,
  `product_id` varchar(100) DEFAULT NULL,
  `quantity` bigint(20) NOT NULL,
  `subtotal` decimal(19,4) NOT NULL,
  `tax` decimal(19,4) NOT NULL,
  `timestamp` datetime(3) NOT NULL,
  `total` decimal(19,4) NOT NULL,
  `source` varchar(100) NOT NULL,
  `state` varchar(100) NOT NULL,
  `currency` varchar(3) NOT NULL,
  `shipping` decimal(19,4) NOT NULL,
  `items` mediumtext DEFAULT NULL,
  `position` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `recent_orders` (`id`, `order_id`, `created_at`, `customer_id`, `discount`, `product_id`, `quantity`, `subtotal`, `tax`, `timestamp`, `total`, `source`, `state`, `currency`, `shipping`, `items`, `position`) VALUES (1,'1','2026-01-31 15:00:00.000','7',0.0000,'mug',2,25.0000,2.0000,'2026-02-02 00:00:00.000',31.9000,'GOOGLE','CA','USD',4.9000,NULL,281474976710656),
(2,'A-2','2026-01-31 15:00:00.000','ann',0.0000,NULL,4,15.5000,0.0000,'2026-02-02 00:00:01.000',15.5000,'BING','NY','EUR',0.0000,'[{\"product_id\":\"mug\",\"quantity\":1,\"subtotal\":\"12.5000\"},{\"product_id\":9,\"quantity\":3,\"subtotal\":\"3.0000\"}]',281474976710657),
(3,'3','2026-01-31 17:00:00.000',NULL,0.0000,'9',1,1.0000,0.0000,'2026-02-02 00:00:02.000',1.0000,'GOOGLE','NY','USD',0.0000,NULL,281474976710658);
CREATE TABLE `rejected_events` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `position` bigint(20) NOT NULL,
  `arrived_at` datetime(3) NOT NULL,
  `field` varchar(64) NOT NULL,
  `code` varchar(32) NOT NULL,
  `message` varchar(200) NOT NULL,
  `event` mediumtext NOT NULL,
  `event_raw` mediumblob DEFAULT NULL,
  `event_bytes` bigint(20) NOT NULL,
  `event_key` varbinary(1024) DEFAULT NULL,
  `status` varchar(16) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `rejected_events` (`id`, `position`, `arrived_at`, `field`, `code`, `message`, `event`, `event_raw`, `event_bytes`, `event_key`, `status`) VALUES (1,281474976710660,'2026-02-02 00:00:04.000','total','negative','total must not be negative unless the discount makes it so: \'-1.0000\'','{\"order_id\": 4, \"created_at\": \"2026-01-31T10:00:00-05:00\", \"source\": \"GOOGLE\", \"state\": \"CA\", \"product_id\": \"mug\", \"quantity\": 2, \"subtotal\": \"0\", \"shipping\": \"0\", \"tax\": \"0\", \"total\": \"-1\"}',NULL,190,'4','new');
CREATE TABLE `rejected_retries` (
  `id` bigint(20) NOT NULL,
  `retried_at` datetime(3) NOT NULL,
  `verdict` varchar(16) NOT NULL,
  `sent_hash` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`,`retried_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `sales_by_day` (
  `bucket` date NOT NULL,
  `source` varchar(100) NOT NULL,
  `state` varchar(100) NOT NULL,
  `currency` varchar(3) NOT NULL,
  `orders` bigint(20) NOT NULL,
  `units` bigint(20) NOT NULL,
  `subtotal` decimal(19,4) NOT NULL,
  `discount` decimal(19,4) NOT NULL,
  `shipping` decimal(19,4) NOT NULL,
  `tax` decimal(19,4) NOT NULL,
  `total` decimal(19,4) NOT NULL,
  `cancelled_orders` bigint(20) NOT NULL,
  `refunds` bigint(20) NOT NULL,
  `refunded_total` decimal(19,4) NOT NULL,
  PRIMARY KEY (`bucket`,`source`,`state`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `sales_by_day` (`bucket`, `source`, `state`, `currency`, `orders`, `units`, `subtotal`, `discount`, `shipping`, `tax`, `total`, `cancelled_orders`, `refunds`, `refunded_total`) VALUES ('2026-01-31','BING','NY','EUR',1,4,15.5000,0.0000,0.0000,0.0000,15.5000,0,0,0.0000),
('2026-01-31','GOOGLE','CA','USD',1,2,25.0000,0.0000,4.9000,2.0000,31.9000,0,0,0.0000),
('2026-01-31','GOOGLE','NY','USD',1,1,1.0000,0.0000,0.0000,0.0000,1.0000,0,0,0.0000);
CREATE TABLE `sales_by_hour` (
  `bucket` datetime NOT NULL,
  `source` varchar(100) NOT NULL,
  `state` varchar(100) NOT NULL,
  `currency` varchar(3) NOT NULL,
  `orders` bigint(20) NOT NULL,
  `units` bigint(20) NOT NULL,
  `subtotal` decimal(19,4) NOT NULL,
  `discount` decimal(19,4) NOT NULL,
  `shipping` decimal(19,4) NOT NULL,
  `tax` decimal(19,4) NOT NULL,
  `total` decimal(19,4) NOT NULL,
  `cancelled_orders` bigint(20) NOT NULL,
  `refunds` bigint(20) NOT NULL,
  `refunded_total` decimal(19,4) NOT NULL,
  PRIMARY KEY (`bucket`,`source`,`state`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `sales_by_hour` (`bucket`, `source`, `state`, `currency`, `orders`, `units`, `subtotal`, `discount`, `shipping`, `tax`, `total`, `cancelled_orders`, `refunds`, `refunded_total`) VALUES ('2026-01-31 15:00:00','BING','NY','EUR',1,4,15.5000,0.0000,0.0000,0.0000,15.5000,0,0,0.0000),
('2026-01-31 15:00:00','GOOGLE','CA','USD',1,2,25.0000,0.0000,4.9000,2.0000,31.9000,0,0,0.0000),
('2026-01-31 17:00:00','GOOGLE','NY','USD',1,1,1.0000,0.0000,0.0000,0.0000,1.0000,0,0,0.0000);
CREATE TABLE `sales_by_minute` (
  `bucket` datetime NOT NULL,
  `source` varchar(100) NOT NULL,
  `state` varchar(100) NOT NULL,
  `currency` varchar(3) NOT NULL,
  `orders` bigint(20) NOT NULL,
  `units` bigint(20) NOT NULL,
  `subtotal` decimal(19,4) NOT NULL,
  `discount` decimal(19,4) NOT NULL,
  `shipping` decimal(19,4) NOT NULL,
  `tax` decimal(19,4) NOT NULL,
  `total` decimal(19,4) NOT NULL,
  `cancelled_orders` bigint(20) NOT NULL,
  `refunds` bigint(20) NOT NULL,
  `refunded_total` decimal(19,4) NOT NULL,
  PRIMARY KEY (`bucket`,`source`,`state`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `sales_by_minute` (`bucket`, `source`, `state`, `currency`, `orders`, `units`, `subtotal`, `discount`, `shipping`, `tax`, `total`, `cancelled_orders`, `refunds`, `refunded_total`) VALUES ('2026-01-31 15:00:00','BING','NY','EUR',1,4,15.5000,0.0000,0.0000,0.0000,15.5000,0,0,0.0000),
('2026-01-31 15:00:00','GOOGLE','CA','USD',1,2,25.0000,0.0000,4.9000,2.0000,31.9000,0,0,0.0000),
('2026-01-31 17:00:00','GOOGLE','NY','USD',1,1,1.0000,0.0000,0.0000,0.0000,1.0000,0,0,0.0000);
CREATE TABLE `sales_by_product` (
  `day` date NOT NULL,
  `product_id` varchar(100) NOT NULL,
  `currency` varchar(3) NOT NULL,
  `orders` bigint(20) NOT NULL,
  `units` bigint(20) NOT NULL,
  `total` decimal(19,4) NOT NULL,
  PRIMARY KEY (`day`,`product_id`,`currency`),
  KEY `product_id` (`product_id`,`day`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `sales_by_product` (`day`, `product_id`, `currency`, `orders`, `units`, `total`) VALUES ('2026-01-31','9','EUR',1,3,3.0000),
('2026-01-31','9','USD',1,1,1.0000),
('2026-01-31','mug','EUR',1,1,12.5000),
('2026-01-31','mug','USD',1,2,31.9000);
CREATE TABLE `sales_day_changes` (
  `day` date NOT NULL,
  `changed_at` datetime(3) NOT NULL,
  `accepted` bigint(20) NOT NULL,
  PRIMARY KEY (`day`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `sales_day_changes` (`day`, `changed_at`, `accepted`) VALUES ('2026-01-31','2026-11-30 03:39:54.308',3);
CREATE TABLE `sales_totals` (
  `source` varchar(100) NOT NULL,
  `state` varchar(100) NOT NULL,
  `currency` varchar(3) NOT NULL,
  `orders` bigint(20) NOT NULL,
  `units` bigint(20) NOT NULL,
  `subtotal` decimal(19,4) NOT NULL,
  `discount` decimal(19,4) NOT NULL,
  `shipping` decimal(19,4) NOT NULL,
  `tax` decimal(19,4) NOT NULL,
  `total` decimal(19,4) NOT NULL,
  `cancelled_orders` bigint(20) NOT NULL,
  `refunds` bigint(20) NOT NULL,
  `refunded_total` decimal(19,4) NOT NULL,
  PRIMARY KEY (`source`,`state`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `sales_totals` (`source`, `state`, `currency`, `orders`, `units`, `subtotal`, `discount`, `shipping`, `tax`, `total`, `cancelled_orders`, `refunds`, `refunded_total`) VALUES ('BING','NY','EUR',1,4,15.5000,0.0000,0.0000,0.0000,15.5000,0,0,0.0000),
('GOOGLE','CA','USD',1,2,25.0000,0.0000,4.9000,2.0000,31.9000,0,0,0.0000),
('GOOGLE','NY','USD',1,1,1.0000,0.0000,0.0000,0.0000,1.0000,0,0,0.0000);
CREATE TABLE `shop_clock` (
  `utc_year` int(11) NOT NULL,
  `offset_s` int(11) NOT NULL,
  `change_1` datetime DEFAULT NULL,
  `offset_1_s` int(11) DEFAULT NULL,
  `change_2` datetime DEFAULT NULL,
  `offset_2_s` int(11) DEFAULT NULL,
  `change_3` datetime DEFAULT NULL,
  `offset_3_s` int(11) DEFAULT NULL,
  `change_4` datetime DEFAULT NULL,
  `offset_4_s` int(11) DEFAULT NULL,
  PRIMARY KEY (`utc_year`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `shop_clock` (`utc_year`, `offset_s`, `change_1`, `offset_1_s`, `change_2`, `offset_2_s`, `change_3`, `offset_3_s`, `change_4`, `offset_4_s`) VALUES (2026,-18000,'2026-03-08 07:00:00',-14400,'2026-11-01 06:00:00',-18000,NULL,NULL,NULL,NULL);
CREATE TABLE `total_sales_by_source_state` (
  `source` varchar(100) NOT NULL,
  `state` varchar(100) NOT NULL,
  `total_sum_amount` decimal(19,4) NOT NULL,
  `processed_at` datetime(3) NOT NULL,
  `batch_id` bigint(20) NOT NULL,
  PRIMARY KEY (`source`,`state`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `total_sales_by_source_state` (`source`, `state`, `total_sum_amount`, `processed_at`, `batch_id`) VALUES ('GOOGLE','CA',31.9000,'2026-11-30 03:39:54.308',1),
('GOOGLE','NY',1.0000,'2026-11-30 03:39:54.308',1);
CREATE VIEW `bi_recent_orders` AS select `recent_orders`.`order_id` AS `order_id`,`recent_orders`.`created_at` AS `created_at_utc`,`recent_orders`.`created_at` + interval case when `recent_orders`.`created_at` >= `z`.`change_4` then `z`.`offset_4_s` when `recent_orders`.`created_at` >= `z`.`change_3` then `z`.`offset_3_s` when `recent_orders`.`created_at` >= `z`.`change_2` then `z`.`offset_2_s` when `recent_orders`.`created_at` >= `z`.`change_1` then `z`.`offset_1_s` else `z`.`offset_s` end second AS `created_at_local`,`recent_orders`.`customer_id` AS `customer_id`,`recent_orders`.`product_id` AS `product_id`,`recent_orders`.`quantity` AS `quantity`,`recent_orders`.`subtotal` AS `subtotal`,`recent_orders`.`discount` AS `discount`,`recent_orders`.`shipping` AS `shipping`,`recent_orders`.`tax` AS `tax`,`recent_orders`.`total` AS `total`,`recent_orders`.`source` AS `source`,`recent_orders`.`state` AS `state`,case when `recent_orders`.`state` in ('AL','AK','AZ','AR','CA','CO','CT','DE','DC','FL','GA','HI','ID','IL','IN','IA','KS','KY','LA','ME','MD','MA','MI','MN','MS','MO','MT','NE','NV','NH','NJ','NM','NY','NC','ND','OH','OK','OR','PA','RI','SC','SD','TN','TX','UT','VT','VA','WA','WV','WI','WY','AS','GU','MP','PR','VI') then concat('US-',`recent_orders`.`state`) end AS `state_iso`,`recent_orders`.`currency` AS `currency`,`recent_orders`.`timestamp` AS `arrived_at_utc` from (`recent_orders` left join `shop_clock` `z` on(`z`.`utc_year` = year(`recent_orders`.`created_at`)));
CREATE VIEW `bi_sales_totals` AS select `sales_totals`.`source` AS `source`,`sales_totals`.`state` AS `state`,case when `sales_totals`.`state` in ('AL','AK','AZ','AR','CA','CO','CT','DE','DC','FL','GA','HI','ID','IL','IN','IA','KS','KY','LA','ME','MD','MA','MI','MN','MS','MO','MT','NE','NV','NH','NJ','NM','NY','NC','ND','OH','OK','OR','PA','RI','SC','SD','TN','TX','UT','VT','VA','WA','WV','WI','WY','AS','GU','MP','PR','VI') then concat('US-',`sales_totals`.`state`) end AS `state_iso`,`sales_totals`.`currency` AS `currency`,`sales_totals`.`orders` AS `orders`,`sales_totals`.`units` AS `units`,`sales_totals`.`subtotal` AS `subtotal`,`sales_totals`.`discount` AS `discount`,`sales_totals`.`shipping` AS `shipping`,`sales_totals`.`tax` AS `tax`,`sales_totals`.`total` AS `total`,`sales_totals`.`cancelled_orders` AS `cancelled_orders`,`sales_totals`.`refunds` AS `refunds`,`sales_totals`.`refunded_total` AS `refunded_total` from `sales_totals`;
