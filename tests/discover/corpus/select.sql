--@ shop.json
-- Queries without sub-queries.  After a statement, one line for each result column:
--     --> column = its DIRECT sources ~ its INDIRECT sources
-- and "--> * ~ …" for INDIRECT sources of all its columns.  All of it was written by reading the SQL.

--# plain columns
SELECT name, email FROM customers;
--> name = customers.name
--> email = customers.email

--# aliases of table and columns
SELECT c.name AS who, c.age AS years FROM customers AS c;
--> who = customers.name
--> years = customers.age

--# a literal has no source
SELECT 1 AS one, 'x' AS x, NULL AS nothing, name FROM customers;
--> one =
--> x =
--> nothing =
--> name = customers.name

--# arithmetic and functions
SELECT quantity * price * (1 - discount) AS net, upper('a') AS up FROM lines;
--> net = lines.quantity lines.price lines.discount
--> up =

--# concatenation
SELECT name || ' <' || email || '>' AS address FROM customers;
--> address = customers.name customers.email

--# a filter decides every column
SELECT name, age FROM customers WHERE country = 'NO';
--> name = customers.name
--> age = customers.age
--> * ~ customers.country

--# the filtered column itself
SELECT age FROM customers WHERE age > 17 AND email IS NOT NULL;
--> age = customers.age
--> * ~ customers.age customers.email

--# between, like, in a list
SELECT id FROM orders WHERE total BETWEEN 1 AND 9 AND status LIKE 'p%' AND customer_id IN (1, 2);
--> id = orders.id
--> * ~ orders.total orders.status orders.customer_id

--# a comparison as a value
SELECT age > 17 AS adult, country IN ('NO', 'SE') AS north FROM customers;
--> adult = customers.age
--> north = customers.country

--# coalesce, nullif, greatest
SELECT coalesce(email, name) AS c, nullif(age, id) AS n, greatest(id, age) AS g FROM customers;
--> c = customers.email customers.name
--> n = customers.age customers.id
--> g = customers.id customers.age

--# cast
SELECT CAST(total AS INTEGER) AS whole, total::text AS words FROM orders;
--> whole = orders.total
--> words = orders.total

--# searched case
SELECT CASE WHEN age < 18 THEN name WHEN country = 'NO' THEN email ELSE 'x' END AS shown FROM customers;
--> shown = customers.name customers.email ~ customers.age customers.country

--# simple case
SELECT CASE status WHEN 'paid' THEN total ELSE 0 END AS paid FROM orders;
--> paid = orders.total ~ orders.status

--# nested case
SELECT CASE WHEN age > 17 THEN CASE WHEN country = 'NO' THEN id ELSE 0 END END AS x FROM customers;
--> x = customers.id ~ customers.age customers.country

--# a case inside an aggregate
SELECT sum(CASE WHEN status = 'paid' THEN total ELSE 0 END) AS paid FROM orders;
--> paid = orders.total ~ orders.status

--# a case that counts
SELECT count(CASE WHEN status = 'paid' THEN 1 END) AS n FROM orders;
--> n = ~ orders.status

--# group by
SELECT country, avg(age) AS mean FROM customers GROUP BY country;
--> country = customers.country
--> mean = customers.age
--> * ~ customers.country

--# group by position and alias
SELECT status AS s, extract(year FROM ordered_at) AS y, sum(total) AS t FROM orders GROUP BY 1, y;
--> s = orders.status
--> y = orders.ordered_at
--> t = orders.total
--> * ~ orders.status orders.ordered_at

--# count of rows
SELECT count(*) AS n FROM orders;
--> n =

--# count of rows by group
SELECT status, count(*) AS n, count(1) AS m FROM orders GROUP BY status;
--> status = orders.status
--> n =
--> m =
--> * ~ orders.status

--# count of values
SELECT count(email) AS n, count(DISTINCT country) AS m FROM customers WHERE age > 17;
--> n = customers.email
--> m = customers.country
--> * ~ customers.age

--# having
SELECT customer_id FROM orders GROUP BY customer_id HAVING sum(total) > 100 AND count(*) > 2;
--> customer_id = orders.customer_id
--> * ~ orders.customer_id orders.total

--# order and limit
SELECT name FROM customers ORDER BY age DESC, id LIMIT 3;
--> name = customers.name
--> * ~ customers.age customers.id

--# order by an alias that hides a column
SELECT email AS name, id FROM customers ORDER BY name;
--> name = customers.email
--> id = customers.id
--> * ~ customers.email

--# order by position
SELECT id, total FROM orders ORDER BY 2;
--> id = orders.id
--> total = orders.total
--> * ~ orders.total

--# order by an aggregate
SELECT status, sum(total) AS t FROM orders GROUP BY status ORDER BY t DESC, max(id);
--> status = orders.status
--> t = orders.total
--> * ~ orders.status orders.total orders.id

--# distinct compares no other column's value
SELECT DISTINCT country, age FROM customers WHERE id > 3;
--> country = customers.country
--> age = customers.age
--> * ~ customers.id

--# star
SELECT * FROM daily;
--> day = daily.day
--> n = daily.n
--> total = daily.total

--# star with another column and a filter
SELECT *, total / n AS mean FROM daily WHERE n > 0;
--> day = daily.day
--> n = daily.n
--> total = daily.total
--> mean = daily.total daily.n
--> * ~ daily.n

--# inner join
SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id;
--> name = customers.name
--> total = orders.total
--> * ~ orders.customer_id customers.id

--# left join with a condition on one side
SELECT c.name, o.total FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.status = 'paid';
--> name = customers.name
--> total = orders.total
--> * ~ orders.customer_id customers.id orders.status

--# comma join
SELECT name, total FROM customers, orders WHERE customers.id = customer_id;
--> name = customers.name
--> total = orders.total
--> * ~ customers.id orders.customer_id

--# cross join has no condition
SELECT c.name, p.category FROM customers c CROSS JOIN products p;
--> name = customers.name
--> category = products.category

--# join of four tables
SELECT c.country, p.category, sum(l.quantity * l.price) AS sold
FROM customers c JOIN orders o ON o.customer_id = c.id JOIN lines l ON l.order_id = o.id
JOIN products p ON p.id = l.product_id
WHERE o.ordered_at >= DATE '2026-01-01' GROUP BY c.country, p.category;
--> country = customers.country
--> category = products.category
--> sold = lines.quantity lines.price
--> * ~ orders.customer_id customers.id lines.order_id orders.id products.id lines.product_id orders.ordered_at customers.country products.category

--# self join
SELECT s.name AS who, m.name AS boss FROM staff s LEFT JOIN staff m ON s.manager_id = m.id;
--> who = staff.name
--> boss = staff.name
--> * ~ staff.manager_id staff.id

--# using
SELECT product_id, l.price, p.since FROM lines l JOIN prices p USING (product_id);
--> product_id = lines.product_id
--> price = lines.price
--> since = prices.since
--> * ~ lines.product_id prices.product_id

--# full join using shows both sides
SELECT product_id FROM lines FULL JOIN prices USING (product_id);
--> product_id = lines.product_id prices.product_id
--> * ~ lines.product_id prices.product_id

--# right join using shows the right side
SELECT product_id FROM lines RIGHT JOIN prices USING (product_id);
--> product_id = prices.product_id
--> * ~ lines.product_id prices.product_id

--# natural join
SELECT product_id, price, since FROM lines NATURAL JOIN prices;
--> product_id = lines.product_id
--> price = lines.price
--> since = prices.since
--> * ~ lines.product_id prices.product_id lines.price prices.price

--# star over using
SELECT * FROM wide JOIN sales USING (region);
--> region = wide.region
--> jan = wide.jan
--> feb = wide.feb
--> month = sales.month
--> amount = sales.amount
--> units = sales.units
--> * ~ wide.region sales.region

--# star of one side
SELECT d.*, o.id FROM daily d JOIN orders o ON o.ordered_at = d.day;
--> day = daily.day
--> n = daily.n
--> total = daily.total
--> id = orders.id
--> * ~ orders.ordered_at daily.day

--# brackets around joins
SELECT c.name, l.price FROM customers c JOIN (orders o JOIN lines l ON l.order_id = o.id) ON o.customer_id = c.id;
--> name = customers.name
--> price = lines.price
--> * ~ lines.order_id orders.id orders.customer_id customers.id

--# two schemas, one name
SELECT a.click, c.utterance FROM ads.sessions a JOIN core.sessions c ON c.session = a.session;
--> click = ads.sessions.click
--> utterance = core.sessions.utterance
--> * ~ core.sessions.session ads.sessions.session

--# spelling of names
SELECT ID, "größe", "order" FROM MIXED WHERE Id > 1;
--> Id = Mixed.Id
--> größe = Mixed.größe
--> order = Mixed.order
--> * ~ Mixed.Id

--# comments that look like SQL
SELECT name /* , email FROM orders */ -- , age
FROM customers;
--> name = customers.name

--# parameters
SELECT name FROM customers WHERE age > ? AND country = ?;
--> name = customers.name
--> * ~ customers.age customers.country

--# a filter inside an aggregate
SELECT sum(total) FILTER (WHERE status = 'paid') AS paid, count(*) FILTER (WHERE total > 9) AS big FROM orders;
--> paid = orders.total ~ orders.status
--> big = ~ orders.total

--# no table at all
SELECT 1 + 1 AS two;
--> two =

--# table in place of columns that are not used
SELECT 7 AS seven FROM orders WHERE status = 'paid';
--> seven = ~ orders.status
