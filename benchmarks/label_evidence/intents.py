"""The 150 intents behind CLINC's ten domains, read off the order of the files.

The shared files name the domains alone, but they are the original's rows in the original's order
(clinc/oos-eval, ``data_full.json``): of each intent 100 texts in ``train``, 20 in ``val`` and 30 in
``test``, intent after intent. The names are the original's, in that order.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

INTENTS = tuple(
    """
    translate transfer timer definition meaning_of_life insurance_change find_phone travel_alert
    pto_request improve_credit_score fun_fact change_language payday replacement_card_duration
    time application_status flight_status flip_coin change_user_name where_are_you_from
    shopping_list_update what_can_i_ask_you maybe oil_change_how restaurant_reservation balance
    confirm_reservation freeze_account rollover_401k who_made_you distance user_name timezone
    next_song transactions restaurant_suggestion rewards_balance pay_bill spending_history
    pto_request_status credit_score new_card lost_luggage repeat mpg oil_change_when yes
    travel_suggestion insurance todo_list_update reminder change_speed tire_pressure no apr
    nutrition_info calendar uber calculator date carry_on pto_used schedule_maintenance
    travel_notification sync_device thank_you roll_dice food_last cook_time reminder_update
    report_lost_card ingredient_substitution make_call alarm todo_list change_accent w2 bill_due
    calories damaged_card restaurant_reviews routing do_you_have_pets schedule_meeting gas_type
    plug_type tire_change exchange_rate next_holiday change_volume who_do_you_work_for
    credit_limit how_busy accept_reservations order_status pin_change goodbye account_blocked
    what_song international_fees last_maintenance meeting_schedule ingredients_list report_fraud
    measurement_conversion smart_home book_hotel current_location weather taxes min_payment
    whisper_mode cancel international_visa vaccines pto_balance directions spelling greeting
    reset_settings what_is_your_name direct_deposit interest_rate credit_limit_change
    what_are_your_hobbies book_flight shopping_list text bill_balance share_location
    redeem_rewards play_music calendar_update are_you_a_bot gas expiration_date update_playlist
    cancel_reservation tell_joke change_ai_name how_old_are_you car_rental jump_start
    meal_suggestion recipe income order traffic order_checks card_declined
    """.split()
)
PER_FILE = {"train": 100, "val": 20, "test": 30}


def intents_of(folder: Path) -> pd.DataFrame:
    """Every text once, with its intent as its label. Ends the program where files are others."""
    parts = []
    for name, size in PER_FILE.items():
        path = folder / f"clinc_domains_{name}.csv.gz"
        if not path.exists():
            sys.exit(f"{path} is missing: name a folder that has the text sets.")
        part = pd.read_csv(path, keep_default_na=False)
        blocks = part["label"].to_numpy().reshape(-1, size) if len(part) % size == 0 else part[:0]
        if len(blocks) != len(INTENTS) or (blocks != blocks[:, :1]).any():
            sys.exit(f"{path} is not in the original's order, so its intents cannot be told.")
        parts.append(part.assign(label=[intent for intent in INTENTS for _ in range(size)]))
    return pd.concat(parts, ignore_index=True).drop_duplicates("text", ignore_index=True)
