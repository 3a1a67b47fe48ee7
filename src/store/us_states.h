// SPDX-License-Identifier: MIT
// States and territories of the USA by their two letters, as a list in SQL; ISO 3166-2:US has the
// same after "US-".
#pragma once

#define US_STATES                                                                                  \
    "'AL','AK','AZ','AR','CA','CO','CT','DE','DC','FL','GA','HI','ID','IL','IN','IA','KS','KY',"   \
    "'LA','ME','MD','MA','MI','MN','MS','MO','MT','NE','NV','NH','NJ','NM','NY','NC','ND','OH',"   \
    "'OK','OR','PA','RI','SC','SD','TN','TX','UT','VT','VA','WA','WV','WI','WY','AS','GU','MP',"   \
    "'PR','VI'"
