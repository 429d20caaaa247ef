--@ shop.json

--# rank
SELECT name, rank() OVER (PARTITION BY dept ORDER BY salary DESC) AS r FROM staff;
--> name = staff.name
--> r = ~ staff.dept staff.salary

--# running total
SELECT id, sum(total) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS running FROM orders;
--> id = orders.id
--> running = orders.total ~ orders.customer_id orders.ordered_at

--# with a frame
SELECT avg(total) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week FROM daily;
--> week = daily.total ~ daily.day

--# a share of the whole
SELECT dept, salary / sum(salary) OVER () AS share FROM staff;
--> dept = staff.dept
--> share = staff.salary

--# lag and lead
SELECT lag(page, 1, 'none') OVER (PARTITION BY user_id ORDER BY ts) AS before, lead(page) OVER (PARTITION BY user_id ORDER BY ts) AS after FROM events;
--> before = events.page ~ events.user_id events.ts
--> after = events.page ~ events.user_id events.ts

--# a named window
SELECT first_value(page) OVER w AS first, count(*) OVER w AS n FROM events WINDOW w AS (PARTITION BY user_id ORDER BY ts);
--> first = events.page ~ events.user_id events.ts
--> n = ~ events.user_id events.ts

--# a window built on another
SELECT last_value(kind) OVER (w ORDER BY ts) AS l FROM events WINDOW w AS (PARTITION BY user_id);
--> l = events.kind ~ events.user_id events.ts

--# the first of each, by a sub-query
SELECT user_id, page FROM (SELECT user_id, page, row_number() OVER (PARTITION BY user_id ORDER BY ts DESC) AS rn FROM events) t WHERE rn = 1;
--> user_id = events.user_id
--> page = events.page
--> * ~ events.user_id events.ts

--# qualify (snowflake)
SELECT user_id, page FROM events QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY ts) = 1;
--> user_id = events.user_id
--> page = events.page
--> * ~ events.user_id events.ts

--# qualify by an alias (bigquery)
SELECT dept, name, rank() OVER (PARTITION BY dept ORDER BY salary) AS r FROM staff WHERE id > 5 QUALIFY r <= 3;
--> dept = staff.dept
--> name = staff.name
--> r = ~ staff.dept staff.salary
--> * ~ staff.id staff.dept staff.salary

--# a window over a group
SELECT country, rank() OVER (ORDER BY sum(age) DESC) AS r FROM customers GROUP BY country;
--> country = customers.country
--> r = ~ customers.age
--> * ~ customers.country

--# a window over a sum of a sum
SELECT status, sum(sum(total)) OVER (ORDER BY status) AS t FROM orders GROUP BY status;
--> status = orders.status
--> t = orders.total ~ orders.status
--> * ~ orders.status

--# a window that is ordered by a case
SELECT ntile(4) OVER (ORDER BY CASE WHEN dept = 'x' THEN salary ELSE 0 END) AS q FROM staff;
--> q = ~ staff.dept staff.salary

--# a window with a filter
SELECT count(*) FILTER (WHERE kind = 'buy') OVER (PARTITION BY user_id) AS n FROM events;
--> n = ~ events.kind events.user_id

--# order by a window
SELECT name FROM staff ORDER BY dense_rank() OVER (PARTITION BY dept ORDER BY salary);
--> name = staff.name
--> * ~ staff.dept staff.salary

--# sessions from gaps
WITH gaps AS (
  SELECT user_id, ts, CASE WHEN ts - lag(ts) OVER (PARTITION BY user_id ORDER BY ts) > 30 THEN 1 ELSE 0 END AS fresh FROM events
)
SELECT user_id, sum(fresh) OVER (PARTITION BY user_id ORDER BY ts) AS session FROM gaps;
--> user_id = events.user_id
--> session = ~ events.ts events.user_id
