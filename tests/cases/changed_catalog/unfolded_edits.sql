UPDATE public.cars SET wheels = NULL WHERE id = 11;
