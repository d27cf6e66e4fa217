UPDATE public.reports SET name = 'ELEVEN', sev = 'High', meta = '{"z": 1}' WHERE report_no = 11;
INSERT INTO public.reports (report_no, name) VALUES (14, 'fourteen');
INSERT INTO public.comments (report_no, body) VALUES (14, 'third');
