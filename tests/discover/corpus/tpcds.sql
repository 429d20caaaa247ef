--@ tpcds.json
-- In the shape of TPC-DS's questions, shortened.

--# customers who return more than is usual
with customer_total_return as (
  select sr_customer_sk as ctr_customer_sk, sr_store_sk as ctr_store_sk, sum(sr_return_amt) as ctr_total_return
  from store_returns, date_dim where sr_returned_date_sk = d_date_sk and d_year = 2000 group by sr_customer_sk, sr_store_sk
) select c_customer_id from customer_total_return ctr1, store, customer
where ctr1.ctr_total_return > (select avg(ctr_total_return) * 1.2 from customer_total_return ctr2 where ctr1.ctr_store_sk = ctr2.ctr_store_sk)
  and s_store_sk = ctr1.ctr_store_sk and s_state = 'TN' and ctr1.ctr_customer_sk = c_customer_sk order by c_customer_id limit 100;
--> c_customer_id = customer.c_customer_id ~ store_returns.sr_returned_date_sk date_dim.d_date_sk date_dim.d_year store_returns.sr_customer_sk store_returns.sr_store_sk store_returns.sr_return_amt store.s_store_sk store.s_state customer.c_customer_sk customer.c_customer_id

--# weeks beside the weeks of the next year
with wscs as (
  select ws_sold_date_sk sold_date_sk, ws_ext_sales_price sales_price from web_sales
  union all select cs_sold_date_sk, cs_ext_sales_price from catalog_sales
), weeks as (
  select d_week_seq, sum(case when d_day_name = 'Sunday' then sales_price else null end) sun_sales from wscs, date_dim where d_date_sk = sold_date_sk group by d_week_seq
) select y.d_week_seq, round(y.sun_sales / z.sun_sales, 2) as ratio from weeks y, weeks z where y.d_week_seq = z.d_week_seq - 53;
--> d_week_seq = date_dim.d_week_seq
--> ratio = web_sales.ws_ext_sales_price catalog_sales.cs_ext_sales_price ~ date_dim.d_day_name
--> * ~ date_dim.d_date_sk web_sales.ws_sold_date_sk catalog_sales.cs_sold_date_sk date_dim.d_week_seq

--# brands by year
select dt.d_year, item.i_brand_id brand_id, item.i_brand brand, sum(ss_ext_sales_price) sum_agg
from date_dim dt, store_sales, item
where dt.d_date_sk = store_sales.ss_sold_date_sk and store_sales.ss_item_sk = item.i_item_sk and item.i_manufact_id = 128 and dt.d_moy = 11
group by dt.d_year, item.i_brand, item.i_brand_id order by dt.d_year, sum_agg desc, brand_id limit 100;
--> d_year = date_dim.d_year
--> brand_id = item.i_brand_id
--> brand = item.i_brand
--> sum_agg = store_sales.ss_ext_sales_price
--> * ~ date_dim.d_date_sk store_sales.ss_sold_date_sk store_sales.ss_item_sk item.i_item_sk item.i_manufact_id date_dim.d_moy date_dim.d_year item.i_brand item.i_brand_id store_sales.ss_ext_sales_price

--# channels in one column
with year_total as (
  select c_customer_id customer_id, d_year dyear, sum(ss_list_price) year_total, 's' sale_type
  from customer, store_sales, date_dim where c_customer_sk = ss_customer_sk and ss_sold_date_sk = d_date_sk group by c_customer_id, d_year
  union all
  select c_customer_id customer_id, d_year dyear, sum(ws_list_price) year_total, 'w' sale_type
  from customer, web_sales, date_dim where c_customer_sk = ws_bill_customer_sk and ws_sold_date_sk = d_date_sk group by c_customer_id, d_year
) select a.customer_id from year_total a, year_total b
where a.customer_id = b.customer_id and a.sale_type = 's' and b.sale_type = 'w' and case when a.year_total > 0 then b.year_total / a.year_total else null end > 1;
--> customer_id = customer.c_customer_id ~ customer.c_customer_sk store_sales.ss_customer_sk store_sales.ss_sold_date_sk date_dim.d_date_sk customer.c_customer_id date_dim.d_year web_sales.ws_bill_customer_sk web_sales.ws_sold_date_sk store_sales.ss_list_price web_sales.ws_list_price

--# states with dear items
select a.ca_state state, count(*) cnt from customer_address a, customer c, store_sales s, item i
where a.ca_address_sk = c.c_current_addr_sk and c.c_customer_sk = s.ss_customer_sk and s.ss_item_sk = i.i_item_sk
  and i.i_current_price > 1.2 * (select avg(j.i_current_price) from item j where j.i_category = i.i_category)
group by a.ca_state having count(*) >= 10 order by cnt, a.ca_state;
--> state = customer_address.ca_state
--> cnt =
--> * ~ customer_address.ca_address_sk customer.c_current_addr_sk customer.c_customer_sk store_sales.ss_customer_sk store_sales.ss_item_sk item.i_item_sk item.i_current_price item.i_category customer_address.ca_state

--# zip codes that intersect
select s_store_name, sum(ss_net_profit) as profit from store_sales, store, (
  select ca_zip from (select substr(ca_zip, 1, 5) ca_zip from customer_address where substr(ca_zip, 1, 5) in ('24128') intersect
    select ca_zip from (select substr(ca_zip, 1, 5) ca_zip, count(*) cnt from customer_address, customer where ca_address_sk = c_current_addr_sk group by ca_zip having count(*) > 10) a1) a2) v1
where ss_store_sk = s_store_sk and substr(s_store_name, 1, 2) = substr(v1.ca_zip, 1, 2) group by s_store_name order by s_store_name;
--> s_store_name = store.s_store_name
--> profit = store_sales.ss_net_profit
--> * ~ customer_address.ca_zip customer_address.ca_address_sk customer.c_current_addr_sk store_sales.ss_store_sk store.s_store_sk store.s_store_name

--# buckets by case
select case when (select count(*) from store_sales where ss_quantity between 1 and 20) > 100
  then (select avg(ss_list_price) from store_sales where ss_quantity between 1 and 20)
  else (select avg(ss_net_profit) from store_sales where ss_quantity between 1 and 20) end bucket1
from store where s_store_sk = 1;
--> bucket1 = store_sales.ss_list_price store_sales.ss_net_profit ~ store_sales.ss_quantity store.s_store_sk

--# revenue ratio within a class
select i_item_id, i_class, sum(ws_ext_sales_price) as itemrevenue, sum(ws_ext_sales_price) * 100 / sum(sum(ws_ext_sales_price)) over (partition by i_class) as revenueratio
from web_sales, item, date_dim where ws_item_sk = i_item_sk and ws_sold_date_sk = d_date_sk and d_date between cast('1999-02-22' as date) and (cast('1999-02-22' as date) + interval '30' day)
group by i_item_id, i_class order by i_class, revenueratio;
--> i_item_id = item.i_item_id
--> i_class = item.i_class
--> itemrevenue = web_sales.ws_ext_sales_price
--> revenueratio = web_sales.ws_ext_sales_price
--> * ~ web_sales.ws_item_sk item.i_item_sk web_sales.ws_sold_date_sk date_dim.d_date_sk date_dim.d_date item.i_item_id item.i_class web_sales.ws_ext_sales_price

--# profit by a rollup, ranked within its parent
select sum(ss_net_profit) as total_sum, s_state, i_class, grouping(s_state) + grouping(i_class) as lochierarchy,
  rank() over (partition by grouping(s_state) + grouping(i_class) order by sum(ss_net_profit) desc) as rank_within_parent
from store_sales, store, item where s_store_sk = ss_store_sk and i_item_sk = ss_item_sk
group by rollup (s_state, i_class)
order by lochierarchy desc, case when lochierarchy = 0 then s_state end, rank_within_parent limit 100;
--> total_sum = store_sales.ss_net_profit
--> s_state = store.s_state
--> i_class = item.i_class
--> lochierarchy = store.s_state item.i_class
--> rank_within_parent = ~ store.s_state item.i_class store_sales.ss_net_profit
--> * ~ store.s_store_sk store_sales.ss_store_sk item.i_item_sk store_sales.ss_item_sk store.s_state item.i_class store_sales.ss_net_profit

--# months that stray from the mean
select * from (
  select i_manufact_id, sum(ss_sales_price) sum_sales, avg(sum(ss_sales_price)) over (partition by i_manufact_id) avg_sales
  from item, store_sales, date_dim where ss_item_sk = i_item_sk and ss_sold_date_sk = d_date_sk and d_month_seq in (1, 2) group by i_manufact_id, d_qoy
) tmp1 where case when avg_sales > 0 then abs(sum_sales - avg_sales) / avg_sales else null end > 0.1 order by avg_sales;
--> i_manufact_id = item.i_manufact_id
--> sum_sales = store_sales.ss_sales_price
--> avg_sales = store_sales.ss_sales_price
--> * ~ store_sales.ss_item_sk item.i_item_sk store_sales.ss_sold_date_sk date_dim.d_date_sk date_dim.d_month_seq item.i_manufact_id date_dim.d_qoy store_sales.ss_sales_price

--# the cumulative, of two channels
with web_v1 as (select ws_item_sk item_sk, d_date, sum(sum(ws_ext_sales_price)) over (partition by ws_item_sk order by d_date rows between unbounded preceding and current row) cume
  from web_sales, date_dim where ws_sold_date_sk = d_date_sk group by ws_item_sk, d_date),
store_v1 as (select ss_item_sk item_sk, d_date, sum(ss_sales_price) cume from store_sales, date_dim where ss_sold_date_sk = d_date_sk group by ss_item_sk, d_date)
select case when web.item_sk is not null then web.item_sk else store.item_sk end item_sk, web.cume web_sales, store.cume store_sales
from web_v1 web full outer join store_v1 store on (web.item_sk = store.item_sk and web.d_date = store.d_date);
--> item_sk = web_sales.ws_item_sk store_sales.ss_item_sk
--> web_sales = web_sales.ws_ext_sales_price
--> store_sales = store_sales.ss_sales_price
--> * ~ web_sales.ws_item_sk date_dim.d_date web_sales.ws_sold_date_sk date_dim.d_date_sk store_sales.ss_item_sk store_sales.ss_sold_date_sk

--# customers of one channel and not of the other
select count(*) as n from (
  (select distinct c_last_name, d_date from store_sales, date_dim, customer where ss_sold_date_sk = d_date_sk and ss_customer_sk = c_customer_sk)
  except
  (select distinct c_last_name, d_date from web_sales, date_dim, customer where ws_sold_date_sk = d_date_sk and ws_bill_customer_sk = c_customer_sk)
) cool_cust;
--> n = ~ store_sales.ss_sold_date_sk date_dim.d_date_sk store_sales.ss_customer_sk customer.c_customer_sk web_sales.ws_sold_date_sk web_sales.ws_bill_customer_sk customer.c_last_name date_dim.d_date

--# sales with their returns
select i_item_id, avg(ss_quantity) as q, sum(coalesce(sr_return_amt, 0)) as r
from store_sales left outer join store_returns on (ss_item_sk = sr_item_sk and ss_ticket_number = sr_ticket_number) join item on ss_item_sk = i_item_sk
where ss_sales_price > 10 group by i_item_id;
--> i_item_id = item.i_item_id
--> q = store_sales.ss_quantity
--> r = store_returns.sr_return_amt
--> * ~ store_sales.ss_item_sk store_returns.sr_item_sk store_sales.ss_ticket_number store_returns.sr_ticket_number item.i_item_sk store_sales.ss_sales_price item.i_item_id

--# best and worst side by side
select asceding.rnk, i1.i_item_id best, i2.i_item_id worst
from (select item_sk, rank() over (order by profit asc) rnk from (select ss_item_sk item_sk, avg(ss_net_profit) profit from store_sales group by ss_item_sk) v1) asceding,
  (select item_sk, rank() over (order by profit desc) rnk from (select ss_item_sk item_sk, avg(ss_net_profit) profit from store_sales group by ss_item_sk) v2) descending, item i1, item i2
where asceding.rnk = descending.rnk and i1.i_item_sk = asceding.item_sk and i2.i_item_sk = descending.item_sk;
--> rnk = ~ store_sales.ss_net_profit
--> best = item.i_item_id
--> worst = item.i_item_id
--> * ~ store_sales.ss_item_sk store_sales.ss_net_profit item.i_item_sk

--# by the years' quarters (snowflake)
select i_category, sum(iff(d_qoy = 1, ss_sales_price, 0)) as q1, sum(iff(d_qoy = 2, ss_sales_price, 0)) as q2
from store_sales join date_dim on ss_sold_date_sk = d_date_sk join item on i_item_sk = ss_item_sk group by all;
--> i_category = item.i_category
--> q1 = store_sales.ss_sales_price ~ date_dim.d_qoy
--> q2 = store_sales.ss_sales_price ~ date_dim.d_qoy
--> * ~ store_sales.ss_sold_date_sk date_dim.d_date_sk item.i_item_sk store_sales.ss_item_sk item.i_category
