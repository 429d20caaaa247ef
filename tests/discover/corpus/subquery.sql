--@ shop.json

--# derived table
SELECT t.who FROM (SELECT name AS who, age FROM customers WHERE country = 'NO') AS t WHERE t.age > 17;
--> who = customers.name
--> * ~ customers.country customers.age

--# derived table, two deep
SELECT x FROM (SELECT y AS x FROM (SELECT total AS y FROM orders) a) b;
--> x = orders.total

--# scalar sub-query
SELECT name, (SELECT max(total) FROM orders) AS top FROM customers;
--> name = customers.name
--> top = orders.total

--# scalar sub-query with a filter of its own
SELECT name, (SELECT max(total) FROM orders WHERE status = 'paid') AS top FROM customers;
--> name = customers.name
--> top = orders.total ~ orders.status

--# correlated scalar sub-query
SELECT c.name, (SELECT sum(o.total) FROM orders o WHERE o.customer_id = c.id) AS spent FROM customers c;
--> name = customers.name
--> spent = orders.total ~ orders.customer_id customers.id

--# a count, correlated
SELECT c.id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS n FROM customers c;
--> id = customers.id
--> n = ~ orders.customer_id customers.id

--# a scalar sub-query in arithmetic
SELECT salary - (SELECT avg(salary) FROM staff) AS over FROM staff;
--> over = staff.salary

--# a scalar sub-query in a filter
SELECT name FROM staff WHERE salary > (SELECT avg(total) FROM orders WHERE status = 'paid');
--> name = staff.name
--> * ~ staff.salary orders.total orders.status

--# in
SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE total > 9);
--> name = customers.name
--> * ~ customers.id orders.customer_id orders.total

--# not in
SELECT name FROM customers WHERE id NOT IN (SELECT customer_id FROM orders);
--> name = customers.name
--> * ~ customers.id orders.customer_id

--# in, of two columns
SELECT price FROM lines WHERE (order_id, product_id) IN (SELECT id, customer_id FROM orders);
--> price = lines.price
--> * ~ lines.order_id lines.product_id orders.id orders.customer_id

--# exists: what it selects does not matter
SELECT name FROM customers c WHERE EXISTS (SELECT o.total FROM orders o WHERE o.customer_id = c.id AND o.status = 'paid');
--> name = customers.name
--> * ~ orders.customer_id customers.id orders.status

--# exists with a star
SELECT name FROM customers c WHERE NOT EXISTS (SELECT * FROM orders WHERE customer_id = c.id);
--> name = customers.name
--> * ~ orders.customer_id customers.id

--# exists as a value
SELECT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) AS buys FROM customers c;
--> buys = ~ orders.customer_id customers.id

--# exists in a case
SELECT CASE WHEN EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) THEN name ELSE email END AS x FROM customers c;
--> x = customers.name customers.email ~ orders.customer_id customers.id

--# any and all
SELECT name FROM staff WHERE salary >= ALL (SELECT salary FROM staff WHERE dept = 'x') AND id = ANY (SELECT user_id FROM events);
--> name = staff.name
--> * ~ staff.salary staff.dept staff.id events.user_id

--# two levels of correlation
SELECT c.name FROM customers c WHERE EXISTS (
  SELECT 1 FROM orders o WHERE o.customer_id = c.id AND EXISTS (
    SELECT 1 FROM lines l WHERE l.order_id = o.id AND l.price > c.age));
--> name = customers.name
--> * ~ orders.customer_id customers.id lines.order_id orders.id lines.price customers.age

--# an inner name hides an outer one
SELECT name FROM customers WHERE id IN (SELECT id FROM staff WHERE name = 'x');
--> name = customers.name
--> * ~ customers.id staff.id staff.name

--# an outer name where the inner table has none
SELECT name FROM products WHERE id IN (SELECT product_id FROM lines WHERE category = 'x');
--> name = products.name
--> * ~ products.id lines.product_id products.category

--# a joined aggregate
SELECT c.name, t.spent FROM customers c JOIN (SELECT customer_id, sum(total) AS spent FROM orders WHERE status = 'paid' GROUP BY customer_id) t ON t.customer_id = c.id;
--> name = customers.name
--> spent = orders.total
--> * ~ orders.customer_id customers.id orders.status

--# a grand total beside each row
SELECT o.id, o.total / t.whole AS share FROM orders o CROSS JOIN (SELECT sum(total) AS whole FROM orders WHERE status = 'paid') t;
--> id = orders.id
--> share = orders.total ~ orders.status

--# lateral (postgres)
SELECT c.name, l.total FROM customers c, LATERAL (SELECT o.total FROM orders o WHERE o.customer_id = c.id ORDER BY o.ordered_at DESC LIMIT 1) l;
--> name = customers.name
--> total = orders.total
--> * ~ orders.customer_id customers.id orders.ordered_at

--# left join lateral, one row each (postgres)
SELECT c.name, l.n, l.top FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n, max(o.total) AS top FROM orders o WHERE o.customer_id = c.id) l ON true;
--> name = customers.name
--> n = ~ orders.customer_id customers.id
--> top = orders.total ~ orders.customer_id customers.id

--# cross apply (tsql)
SELECT c.name, x.total FROM customers c CROSS APPLY (SELECT TOP 1 total FROM orders o WHERE o.customer_id = c.id ORDER BY o.id) x;
--> name = customers.name
--> total = orders.total
--> * ~ orders.customer_id customers.id orders.id

--# values as a table
SELECT v.label, p.name FROM products p JOIN (VALUES ('a', 'A'), ('b', 'B')) AS v(category, label) ON v.category = p.category;
--> label = ~ products.category
--> name = products.name ~ products.category

--# a sub-query in GROUP BY's having
SELECT customer_id FROM orders GROUP BY customer_id HAVING sum(total) > (SELECT avg(age) FROM customers);
--> customer_id = orders.customer_id
--> * ~ orders.customer_id orders.total customers.age

--# a sub-query in ORDER BY
SELECT name FROM customers c ORDER BY (SELECT max(total) FROM orders o WHERE o.customer_id = c.id);
--> name = customers.name
--> * ~ orders.total orders.customer_id customers.id

--# an array of a sub-query (bigquery)
SELECT c.name, ARRAY(SELECT o.total FROM orders o WHERE o.customer_id = c.id) AS totals FROM customers c;
--> name = customers.name
--> totals = orders.total ~ orders.customer_id customers.id
